// The demo in Chromium, with every prepared person. Names begin with the ids of docs/attacks.md.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { start } from "./demo.mjs";

let demo;
let visitors = [];

before(async () => {
  demo = await start();
});
after(() => demo.stop());

async function visitor(options) {
  const somebody = await demo.visitor(options);
  visitors.push(somebody);
  return somebody;
}

// Nothing that our pages need is refused by their own policies, and nothing of anybody's runs.
afterEach(async () => {
  const complaints = visitors.flatMap((somebody) => somebody.complaints);
  for (const somebody of visitors) await somebody.context.close();
  visitors = [];
  assert.deepEqual(complaints, []);
});

const DEEP = "/page?q=1&r=%2F&empty=";

test("a colleague reads the page that she asked for", async () => {
  const ann = await visitor();
  await ann.open(demo.at("wiki", DEEP));
  assert.equal(new URL(ann.url()).origin, demo.apple);
  await ann.photograph("fake-apple");
  await ann.choose("ann");
  assert.equal(ann.url(), demo.at("wiki", DEEP));
  const text = await ann.text();
  assert.match(text, /The company's wiki/);
  assert.match(text, /ann@corp\.example, and gave me a signed assertion/);
  assert.equal(await ann.open(demo.at("lunch", "/today")), 200);
  assert.equal(ann.url(), demo.at("lunch", "/today"));
  const asked = ann.documents.filter((request) => request.url().startsWith(demo.apple));
  assert.equal(asked.filter((request) => request.url().includes("/auth/authorize")).length, 1);
});

test("a colleague whose booleans come as text is a colleague", async () => {
  const ben = await visitor();
  await ben.signIn(demo.at("wiki", DEEP), "ben");
  assert.equal(ben.url(), demo.at("wiki", DEEP));
  assert.match(await ben.text(), /ben@corp\.example/);
});

test("t19 Apple's answer comes from another site, and its cookie comes along", async () => {
  const ann = await visitor();
  await ann.signIn(demo.at("wiki", DEEP), "ann");
  const { method, headers } = await ann.callback();
  assert.equal(method, "POST");
  assert.equal(headers["sec-fetch-site"], "cross-site");
  assert.match(headers.cookie, /__Host-russet_attempt/);
  assert.equal(new URL(ann.url()).host, new URL(demo.at("wiki")).host);
});

test("failure_chrome_two_minutes the attempt's cookie says SameSite=None in words", async () => {
  const somebody = await visitor();
  await somebody.open(demo.at("wiki"));
  const cookies = await somebody.context.cookies(demo.at("auth"));
  const attempt = cookies.filter((cookie) => cookie.name.includes("_attempt_"));
  assert.equal(attempt.length, 1);
  assert.deepEqual([attempt[0].sameSite, attempt[0].secure, attempt[0].httpOnly], ["None", true, true]);
});

test("failure_403_relay_address says how to share the address", async () => {
  const rae = await visitor();
  await rae.signIn(demo.at("wiki", DEEP), "rae");
  assert.equal(rae.url(), demo.at("wiki", DEEP));
  const text = await rae.text();
  assert.match(text, /private relay address/);
  assert.match(text, /r8k2m4x9qd@privaterelay\.appleid\.com/);
  assert.match(text, /Stop using/);
  assert.match(text, /Share My Email/);
  assert.doesNotMatch(text, /corp\.example/);
  await rae.photograph("403-relay-address");
});

test("failure_403_no_address says that Apple sent none", async () => {
  const max = await visitor();
  await max.signIn(demo.at("wiki", DEEP), "max");
  assert.match(await max.text(), /Apple sent no address/);
  assert.match(await max.text(), /000404\./);
  await max.photograph("403-no-address");
});

test("failure_403_address_not_verified says so", async () => {
  const uma = await visitor();
  await uma.signIn(demo.at("wiki", DEEP), "uma");
  assert.match(await uma.text(), /does not vouch/);
  await uma.photograph("403-not-verified");
});

test("use another account leads back to the page as somebody else", async () => {
  const person = await visitor();
  await person.signIn(demo.at("wiki", DEEP), "rae");
  await person.page.getByRole("button", { name: "Use another account" }).click();
  await person.page.getByRole("link", { name: "Continue with Apple" }).waitFor();
  await person.photograph("another-account");
  await person.page.getByRole("link", { name: "Continue with Apple" }).click();
  await person.choose("ann");
  assert.equal(person.url(), demo.at("wiki", DEEP));
  assert.match(await person.text(), /The company's wiki/);
});

test("w14 somebody who cancels finds a page with a way to try again", async () => {
  const somebody = await visitor();
  await somebody.open(demo.at("wiki", DEEP));
  await somebody.choose(null);
  assert.match(await somebody.text(), /cancelled/i);
  await somebody.photograph("cancelled");
  await somebody.page.locator("main a").first().click();
  await somebody.choose("ann");
  assert.equal(somebody.url(), demo.at("wiki", DEEP));
});

test("w7 signing out on one host ends the session on all", async () => {
  const ann = await visitor();
  await ann.signIn(demo.at("wiki"), "ann");
  await ann.open(demo.at("lunch"));
  await ann.page.getByRole("link", { name: "Who am I?" }).click();
  await ann.page.getByRole("heading", { name: "You are signed in" }).waitFor();
  await ann.photograph("user");
  await ann.open(demo.at("wiki", "/.pomerium/sign_out"));
  await ann.photograph("sign-out");
  await ann.page.getByRole("button", { name: "Sign out" }).click();
  await ann.page.getByRole("link", { name: "Sign in with Apple" }).waitFor();
  assert.equal(new URL(ann.url()).host, new URL(demo.at("auth")).host);
  await ann.photograph("signed-out");
  for (const host of ["wiki", "lunch"]) {
    await ann.open(demo.at(host));
    assert.equal(new URL(ann.url()).origin, demo.apple, host);
  }
});

test("a frame that lost its session opens sign-in in the top window", async () => {
  const ann = await visitor();
  await ann.signIn(demo.at("wiki"), "ann");
  await ann.context.clearCookies();
  const frame = await framed(ann, demo.at("wiki", "/inside?x=1"));
  await frame.getByRole("link", { name: "Sign in with Apple" }).waitFor();
  assert.match(await frame.locator("body").innerText(), /nothing was sent|not sent/i);
  await ann.photograph("401-in-a-frame");
  await frame.getByRole("link", { name: "Sign in with Apple" }).click();
  await ann.choose("ann");
  assert.equal(ann.url(), demo.at("wiki", "/inside?x=1"));
});

test("a posted form is not lost in a redirect", async () => {
  const ann = await visitor();
  await ann.signIn(demo.at("wiki"), "ann");
  await ann.context.clearCookies();
  await ann.page.evaluate(() => {
    const form = document.createElement("form");
    Object.assign(form, { method: "post", action: "/save?x=1" });
    document.body.append(form);
    form.submit();
  });
  await ann.page.getByRole("link", { name: "Sign in with Apple" }).waitFor();
  await ann.photograph("401-posted-form");
});

test("t80 our pages show nothing in another site's frame", async () => {
  const rae = await visitor();
  await rae.signIn(demo.at("lunch"), "rae");
  const pages = [
    demo.at("wiki", "/"),
    demo.at("wiki", "/.pomerium/"),
    demo.at("wiki", "/.pomerium/sign_out"),
    demo.at("auth", "/.pomerium/sign_out"),
    demo.at("auth", "/.pomerium/signed_out"),
    demo.at("lunch", "/.pomerium/sign_out"),
  ];
  for (const address of pages) {
    const frame = await framed(rae, address);
    assert.deepEqual(rae.blocked.at(-1), address);
    assert.equal(await frame.locator("main, form").count(), 0, address);
  }
  // The browser says so too, which is what was asked for.
  const refused = rae.complaints.filter((text) => /frame-ancestors|X-Frame-Options/i.test(text));
  assert.equal(refused.length, pages.length);
  rae.complaints = rae.complaints.filter((text) => !refused.includes(text));
});

test("everything works without scripts", async () => {
  const script = false;
  const ann = await visitor({ javaScriptEnabled: false });
  await ann.signIn(demo.at("wiki", DEEP), "ann", { script });
  assert.equal(ann.url(), demo.at("wiki", DEEP));
  await ann.open(demo.at("wiki", "/.pomerium/sign_out"));
  await ann.page.getByRole("button", { name: "Sign out" }).click();
  await ann.page.getByRole("link", { name: "Sign in with Apple" }).click();
  await ann.choose("rae", { script });
  await ann.page.getByRole("button", { name: "Use another account" }).click();
  await ann.page.getByRole("link", { name: "Continue with Apple" }).click();
  await ann.choose("ann", { script });
  assert.match(await ann.text(), /The company's wiki/);
});

test("pages about errors explain themselves", async () => {
  const somebody = await visitor();
  assert.equal(await somebody.open(demo.at("auth", "/oauth2/callback")), 405);
  await somebody.photograph("405-callback");
  assert.equal(await somebody.open(demo.at("wiki", "/a%2fb")), 400);
  await somebody.photograph("400");
  assert.equal(await somebody.open(demo.at("wiki", "/.pomerium/nothing")), 404);
  await somebody.photograph("404");
  assert.equal(await somebody.open(demo.at("auth", "/.pomerium/sign_in?forged=1")), 400);
  await somebody.photograph("400-forged-link");
});

test("t20 going back and sending the answer again does no harm", async () => {
  const ann = await visitor();
  await ann.open(demo.at("wiki", DEEP));
  let body;
  await ann.page.route("**/oauth2/callback", async (route) => {
    body = route.request().postData();
    await route.continue();
  });
  await ann.choose("ann");
  await ann.page.unroute("**/oauth2/callback");
  await ann.open(demo.apple);
  await ann.page.setContent(repost(demo.at("auth", "/oauth2/callback"), body));
  await ann.page.getByRole("button").click();
  await ann.page.waitForURL(demo.at("wiki", DEEP));
  const stranger = await visitor();
  await stranger.open(demo.apple);
  await stranger.page.setContent(repost(demo.at("auth", "/oauth2/callback"), body));
  await stranger.page.getByRole("button").click();
  await stranger.page.waitForURL(demo.at("auth", "/oauth2/callback"));
  assert.match(await stranger.text(), /start again/i);
  await stranger.photograph("not-matched");
});

test("t35 the browser reads every return address as we do", async () => {
  const somebody = await visitor();
  const home = new URL(demo.at("wiki"));
  for (const payload of hostile(home)) {
    const query = new URLSearchParams({ return_to: payload });
    await somebody.open(demo.at("auth", `/.pomerium/signed_out?${query}`));
    const link = somebody.page.getByRole("link", { name: "Sign in with Apple" });
    // As the browser reads it, from where it stands.
    const leads = new URL(await link.evaluate((a) => a.href));
    assert.match(leads.host, /^(wiki|lunch|auth)\.localhost:\d+$/, payload);
    assert.equal(leads.port, home.port, payload);
    assert.equal(leads.protocol, "https:", payload);
    assert.equal(leads.username + leads.password, "", payload);
    // What was kept is what the browser would have made of the payload itself.
    if (leads.pathname !== "/") assert.equal(leads.href, new URL(payload, home).href, payload);
  }
});

test("t35 no path of ours leads away after signing in", async () => {
  const ann = await visitor();
  await ann.signIn(demo.at("wiki"), "ann");
  const paths = ["//evil.example/", "/\\evil.example", "/%09/evil.example", "/.//evil.example", "/;//evil.example", "/https://evil.example/"];
  for (const path of paths) {
    await ann.context.clearCookies();
    // As it stands: the browser's own address bar would mend it first.
    const address = `${demo.at("wiki", "")}${path}`;
    const status = await ann.open(address);
    if (status === 400) continue;
    await ann.choose("ann");
    assert.equal(new URL(ann.url()).origin, new URL(demo.at("wiki")).origin, path);
  }
});

test("t79 what a stranger writes into an address runs nowhere", async () => {
  const somebody = await visitor();
  const marks = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "javascript:alert(1)", "{{7*7}}${7*7}"];
  for (const mark of marks) {
    const text = encodeURIComponent(mark);
    const addresses = [
      demo.at("auth", `/oauth2/callback?error=${text}&error_description=${text}`),
      demo.at("auth", `/.pomerium/signed_out?return_to=${text}`),
      demo.at("auth", `/.pomerium/sign_in?${text}=${text}`),
      demo.at("wiki", `/.pomerium/callback/?ticket=${text}`),
      demo.at("wiki", `/.pomerium/${text}`),
      `${demo.apple}/auth/authorize?client_id=${text}&state=${text}`,
    ];
    for (const address of addresses) {
      await somebody.open(address);
      assert.doesNotMatch(await somebody.text(), /49/, address);
      assert.equal(await somebody.page.locator("img, script:not([nonce])").count(), 0, address);
    }
  }
});

/** A frame with this address in the page that is open, once it has loaded or failed. */
async function framed(somebody, address) {
  const element = await somebody.page.evaluateHandle(async (src) => {
    document.querySelector("iframe")?.remove();
    const frame = Object.assign(document.createElement("iframe"), { src, width: "100%", height: 500 });
    const loaded = new Promise((done) => frame.addEventListener("load", done));
    document.body.append(frame);
    await loaded;
    return frame;
  }, address);
  return element.asElement().contentFrame();
}

function repost(action, body) {
  const fields = [...new URLSearchParams(body)].map(([name, value]) => {
    const escaped = value.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
    return `<input type="hidden" name="${name}" value="${escaped}">`;
  });
  return `<form method="post" action="${action}">${fields.join("")}<button>Again</button></form>`;
}

/** A sample of what src/wire/target/tests.rs tries, one for each kind. */
function hostile({ host, origin }) {
  return [
    "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "/%09/evil.example",
    "https:evil.example", "https:/evil.example", "https:///evil.example", "https:\\\\evil.example", "http://evil.example",
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", "data:text/html,x", "vbscript:x", "blob:x", "file:///etc/passwd",
    `https://${host}@evil.example/`, `https://${host}:x@evil.example/`, `https://${host}\\@evil.example/`, `https://${host}%40evil.example/`,
    `https://${host}.evil.example/`, `https://evil.example/${host}`, `https://evil.example#${host}`, `https://evil.example?${host}`,
    `https://evil.example\\${host}`, `https://${host}%00.evil.example/`, `https://${host}\u3002evil.example/`, "https://evil\uff0eexample/",
    `https://wiki.localhost:1/`, `https://wiki.localhost/`, `http://${host}/`, `${origin}//evil.example`, `${origin}/\\evil.example`,
    `${origin}/..//evil.example`, `${origin}/%2e%2e//evil.example`, `${origin}/%2f%2fevil.example`, `${origin}/%5cevil.example`,
    ` ${origin}/`, `${origin}/ `, `${origin}/\r\nLocation: https://evil.example`, `${origin}/%0d%0aLocation:%20x`,
    "https://[::1]/", "https://2130706433/", "https://0x7f.1/", "https://\u24d4vil.example/", "https://wiki.localhost\u00ad.evil.example/",
    // And some that are good.
    `${origin}/page?q=1&r=%2F&empty=`, `${origin}/a;b=c/d?next=https://evil.example/`, `${origin}/%C3%A9`, `${origin}/@evil.example`,
  ];
}
