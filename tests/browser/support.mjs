// What every test stands on: the demo as a process of its own, Chromium, a third site, and visitors
// who notice what goes wrong around them.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import https from 'node:https';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const RUSSET = process.env.RUSSET_BIN;
assert.ok(RUSSET, 'RUSSET_BIN names the program to test; run.sh sets it');

/** How the tests of one file run: each has visitors of its own, so that some can walk at once. */
export const TOGETHER = { concurrency: 3 };

/** Longest wait for anything, in milliseconds. */
const PATIENCE = 20_000;

/** The demo: `{wiki, lunch, auth, apple}` are origins, `log` is what it has printed so far. */
async function startDemo() {
  const child = spawn(RUSSET, ['demo', '--port', '0', '--apple-port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const demo = { log: '' };
  process.once('exit', () => {
    child.kill('SIGKILL');
    if (demo.folder) rmSync(demo.folder, { recursive: true, force: true });
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the demo ended at once with ${code}:\n${demo.log}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      demo.log += `${line}\n`;
      if (line.startsWith('Stop with')) resolve();
    });
  });
  const found = (pattern) => pattern.exec(demo.log)?.[1] ?? assert.fail(`${pattern} in:\n${demo.log}`);
  demo.wiki = found(/(https:\/\/wiki\.localhost:\d+)/);
  demo.lunch = found(/(https:\/\/lunch\.localhost:\d+)/);
  demo.apple = found(/(https:\/\/apple\.localhost:\d+)/);
  demo.auth = demo.wiki.replace('wiki.', 'auth.');
  demo.folder = dirname(found(/The configuration is (.+)/));
  demo.stop = async () => {
    child.kill('SIGINT');
    assert.equal(await ended, 0, 'the demo ends well when it is asked to');
  };
  return demo;
}

/**
 * A site that is nobody's friend. It answers every host; `seen` holds `{host, url, headers}` of each
 * request. `/frame?of=URL` shows URL in a frame, `/form?to=URL&name=value` posts the rest by a button.
 */
async function startElsewhere(folder) {
  const elsewhere = { seen: [] };
  const tls = {
    cert: readFileSync(`${folder}/certificate.pem`),
    key: readFileSync(`${folder}/certificate.key`),
  };
  const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
  const server = https.createServer(tls, (request, response) => {
    const { host } = request.headers;
    elsewhere.seen.push({ host, url: request.url, headers: request.headers });
    const { pathname, searchParams } = new URL(request.url, `https://${host}`);
    let body = 'elsewhere';
    if (pathname === '/frame') {
      body = `<iframe width=800 height=600 src="${escaped(searchParams.get('of'))}"></iframe>`;
    } else if (pathname === '/form') {
      const fields = [...searchParams].filter(([name]) => name !== 'to');
      const inputs = fields.map(([name, value]) => `<input name="${escaped(name)}" value="${escaped(value)}">`);
      body = `<form method=post action="${escaped(searchParams.get('to'))}">${inputs.join('')}<button>Go</button></form>`;
    }
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
    response.end(`<!doctype html><title>elsewhere</title><h1>Elsewhere</h1>${body}`);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  elsewhere.port = server.address().port;
  elsewhere.origin = `https://elsewhere.localhost:${elsewhere.port}`;
  elsewhere.frame = (url) => `${elsewhere.origin}/frame?${new URLSearchParams({ of: url })}`;
  elsewhere.form = (to, fields) => `${elsewhere.origin}/form?${new URLSearchParams({ to, ...fields })}`;
  elsewhere.stop = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return elsewhere;
}

export const demo = await startDemo();
export const elsewhere = await startElsewhere(demo.folder);

/** Nothing but loopback can be reached; the one foreign site that our pages link to is ours too. */
const LAUNCH = {
  executablePath: CHROMIUM,
  headless: true,
  timeout: 30_000,
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--ignore-certificate-errors',
    `--host-resolver-rules=MAP account.apple.com:443 127.0.0.1:${elsewhere.port}, MAP * ~NOTFOUND, EXCLUDE *.localhost, EXCLUDE 127.0.0.1`,
  ],
};

const browser = await chromium.launch(LAUNCH);

/** Ends everything that was started here. */
export async function stop() {
  await browser.close();
  await elsewhere.stop();
  await demo.stop();
}

/**
 * A person with a browser of their own. `requests` are all requests so far; `blocked` is what a
 * Content-Security-Policy kept from happening and `errors` what a page's script threw, both as text.
 */
export class Visitor {
  static async arrive(options = {}) {
    const context = await browser.newContext({ ignoreHTTPSErrors: true, ...options });
    return new Visitor(context).settle();
  }

  /** One whose browser has its profile, with whatever Chromium was told there, in `folder`. */
  static async arriveWith(folder) {
    const context = await chromium.launchPersistentContext(folder, { ...LAUNCH, ignoreHTTPSErrors: true });
    return new Visitor(context).settle();
  }

  constructor(context) {
    this.context = context;
    this.requests = [];
    this.blocked = [];
    this.errors = [];
    this.dialogs = [];
  }

  async settle() {
    this.context.setDefaultTimeout(PATIENCE);
    this.context.on('request', (request) => this.requests.push(request));
    this.context.on('console', (message) => {
      if (/Content.Security.Policy|Refused to/i.test(message.text())) this.blocked.push(message.text());
    });
    this.context.on('weberror', (error) => this.errors.push(String(error.error())));
    this.context.on('dialog', (dialog) => {
      this.dialogs.push(dialog.message());
      return dialog.dismiss();
    });
    this.page = this.context.pages()[0] ?? (await this.context.newPage());
    return this;
  }

  /** Opens an address, follows where it leads, and gives the last response. */
  async open(url, page = this.page) {
    this.response = await page.goto(url);
    return this.response;
  }

  /** Clicks, waits until a page has come, and gives its response. */
  async click(locator, page = this.page) {
    const target = typeof locator === 'string' ? page.getByRole('button', { name: locator }) : locator;
    const isPage = (response) =>
      response.request().isNavigationRequest() &&
      response.frame() === page.mainFrame() &&
      !(response.status() >= 300 && response.status() < 400);
    const [response] = await Promise.all([page.waitForResponse(isPage), target.click()]);
    await page.waitForLoadState();
    this.response = response;
    return response;
  }

  /** Picks somebody at the fake Apple, whose page must be open, and waits to be back. */
  async pick(who, page = this.page) {
    assert.equal(new URL(page.url()).origin, demo.apple, `at the fake Apple: ${page.url()}`);
    const back = this.backFromApple(page);
    await page.locator('#choose').getByRole('button', { name: who }).click();
    return this.arrived(back, page);
  }

  /** Makes somebody up at the fake Apple and signs in as them. */
  async makeUp(fields, page = this.page) {
    await page.locator('summary').click();
    const form = page.locator('#make-up');
    for (const [name, value] of Object.entries(fields)) {
      const field = form.locator(`[name=${name}]`);
      const isList = await field.evaluate((element) => element.tagName === 'SELECT');
      await (isList ? field.selectOption(value) : field.fill(value));
    }
    const back = this.backFromApple(page);
    await form.getByRole('button').click();
    return this.arrived(back, page);
  }

  /** Opens `url` and signs in as `who` on the way. */
  async signIn(who, url) {
    await this.open(url);
    return this.pick(who);
  }

  backFromApple(page) {
    return page.waitForResponse(
      (response) =>
        response.request().isNavigationRequest() &&
        new URL(response.url()).origin !== demo.apple &&
        !(response.status() >= 300 && response.status() < 400),
    );
  }

  async arrived(back, page) {
    this.response = await back;
    await page.waitForURL((url) => url.origin !== demo.apple);
    await page.waitForLoadState();
    return this.response;
  }

  /** The page's heading. */
  heading(page = this.page) {
    return page.locator('h1').innerText();
  }

  /** All text of the page. */
  text(page = this.page) {
    return page.locator('body').innerText();
  }

  /** Requests whose answers can have been seen by `origin`. */
  requestsTo(origin) {
    return this.requests.filter((request) => new URL(request.url()).origin === origin);
  }

  /** The one request that brought Apple's answer. */
  callback() {
    const posts = this.requests.filter(
      (request) => request.method() === 'POST' && request.url() === `${demo.auth}/oauth2/callback`,
    );
    assert.equal(posts.length, 1, 'Apple answered once');
    return posts[0];
  }

  /** Addresses in the history of a tab. */
  async history(page = this.page) {
    const session = await this.context.newCDPSession(page);
    const { entries } = await session.send('Page.getNavigationHistory');
    await session.detach();
    return entries.map((entry) => entry.url);
  }

  /** Leaves, having met nothing that was kept from happening and no error of a script. */
  async leave({ blocked = [] } = {}) {
    const unexpected = this.blocked.filter((text) => !blocked.some((pattern) => pattern.test(text)));
    await this.context.close();
    assert.deepEqual(unexpected, [], 'nothing ran into a Content-Security-Policy');
    assert.deepEqual(this.errors, [], 'no script failed');
    assert.deepEqual(this.dialogs, [], 'no dialog came up');
  }
}

/** Runs `walk` with a visitor and sees them off. */
export function visit(walk, options) {
  return async () => {
    const visitor = await Visitor.arrive(options);
    try {
      await walk(visitor);
    } catch (error) {
      error.message += `\n  at ${visitor.page.url()}`;
      await visitor.context.close();
      throw error;
    }
    await visitor.leave();
  };
}
