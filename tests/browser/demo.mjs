// The demo as a process, and a browser in front of it.

import { spawn } from "node:child_process";
import { accessSync, mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { delimiter, join, resolve } from "node:path";
import { chromium } from "playwright-core";

const SCREENSHOTS = resolve("target/screenshots");
const PATIENCE = 20_000;

/** Starts `russet demo` on free ports, and a browser. */
export async function start() {
  const [port, applePort] = await Promise.all([freePort(), freePort()]);
  const program = process.env.RUSSET_BINARY ?? "target/debug/russet";
  const demo = spawn(program, ["demo", "--port", `${port}`, "--apple-port", `${applePort}`]);
  const log = await introduced(demo);
  mkdirSync(SCREENSHOTS, { recursive: true });
  // A folder inside the checkout: a browser that is a snap does not see the machine's /tmp.
  mkdirSync("target/browser", { recursive: true });
  const browser = await chromium.launch({
    executablePath: installed(["chromium", "chromium-browser", "google-chrome"]),
    env: { ...process.env, TMPDIR: resolve("target/browser") },
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  const at = (host, path = "/") => `https://${host}.localhost:${port}${path}`;
  return {
    at,
    log,
    apple: `https://apple.localhost:${applePort}`,
    visitor: (options) => Visitor.arrive(browser, at, options),
    async stop() {
      await browser.close();
      demo.kill("SIGINT");
      await new Promise((ended) => demo.once("exit", ended));
    },
  };
}

/** Somebody with a browser of their own: no cookies yet. */
export class Visitor {
  /** Every request for a document, with what the browser said about it. */
  documents = [];
  /** What the console complained about, but for statuses, which pages are meant to have. */
  complaints = [];
  /** Addresses whose answers the browser got and did not show. */
  blocked = [];

  static async arrive(browser, at, options = {}) {
    const context = await browser.newContext({ ignoreHTTPSErrors: true, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE);
    return new Visitor(context, page, at);
  }

  constructor(context, page, at) {
    Object.assign(this, { context, page, at });
    page.on("request", (request) => {
      if (request.resourceType() === "document") this.documents.push(request);
    });
    page.on("requestfailed", (request) => {
      if (request.failure().errorText.includes("BLOCKED_BY_RESPONSE")) this.blocked.push(request.url());
    });
    page.on("console", (message) => {
      const status = message.text().startsWith("Failed to load resource: the server responded");
      if (message.type() === "error" && !status) this.complaints.push(message.text());
    });
    page.on("pageerror", (error) => this.complaints.push(`${error}`));
    page.on("dialog", (dialog) => {
      this.complaints.push(`a dialog: ${dialog.message()}`);
      dialog.dismiss();
    });
  }

  /** Loads an address. Its status. */
  async open(address) {
    const answer = await this.page.goto(address);
    return answer.status();
  }

  /** On the fake Apple's page: picks a person, or cancels, and arrives where that leads. */
  async choose(person, { script = true } = {}) {
    const button = person ? `button[name=person][value=${person}]` : "button[name=cancel]";
    await this.page.locator(button).click();
    if (!script) await this.page.getByRole("button", { name: "Continue" }).click();
    await this.page.waitForURL((url) => !url.host.startsWith("apple."));
    await this.page.waitForLoadState();
  }

  /** Loads an address as a stranger and signs in. */
  async signIn(address, person, options) {
    await this.open(address);
    await this.choose(person, options);
  }

  async text() {
    return this.page.locator("body").innerText();
  }

  url() {
    return this.page.url();
  }

  /** What the browser said with the form that came from Apple. */
  async callback() {
    const posted = this.documents.filter((request) => request.url().endsWith("/oauth2/callback"));
    return { method: posted.at(-1).method(), headers: await posted.at(-1).allHeaders() };
  }

  /** Photographs the page on a desk and on a phone, in the light and in the dark. */
  async photograph(name) {
    const wide = [];
    for (const [device, width, height] of [["desktop", 1280, 800], ["phone", 375, 812]]) {
      await this.page.setViewportSize({ width, height });
      for (const colorScheme of ["light", "dark"]) {
        await this.page.emulateMedia({ colorScheme });
        const path = join(SCREENSHOTS, `${name}-${device}-${colorScheme}.png`);
        await this.page.screenshot({ path, fullPage: true });
      }
      const size = await this.page.evaluate(() => [
        document.documentElement.scrollWidth,
        document.documentElement.clientWidth,
      ]);
      if (size[0] > size[1]) wide.push(`${name} on a ${device}: ${size[0]} > ${size[1]} px`);
    }
    if (wide.length > 0) throw new Error(`sideways scrolling: ${wide}`);
  }
}

async function introduced(demo) {
  const lines = [];
  await new Promise((ready, failed) => {
    const slow = setTimeout(() => failed(new Error(`the demo does not start:\n${lines.join("")}`)), PATIENCE);
    for (const stream of [demo.stdout, demo.stderr]) {
      stream.on("data", (data) => {
        lines.push(`${data}`);
        if (lines.join("").includes("Stop with Ctrl-C")) {
          clearTimeout(slow);
          ready();
        }
      });
    }
    demo.once("exit", (code) => failed(new Error(`the demo ended with ${code}:\n${lines.join("")}`)));
  });
  return lines;
}

function freePort() {
  return new Promise((found) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => found(port));
    });
  });
}

function installed(names) {
  for (const folder of process.env.PATH.split(delimiter)) {
    for (const name of names) {
      try {
        accessSync(join(folder, name));
        return join(folder, name);
      } catch {
        // Not here.
      }
    }
  }
  throw new Error(`none of ${names} is installed: tests/tools/install`);
}
