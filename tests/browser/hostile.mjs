// What hostile pages, people and links do in a real browser.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { demo, elsewhere, TOGETHER, visit, Visitor } from './support.mjs';

const OWN_PAGES = ['/.pomerium/sign_out', '/.pomerium/', '/closed'];

/** Waits until the browser shows its own error in place of what a frame was to show. */
async function isBlank(frame, what) {
  await frame.waitForURL('chrome-error://chromewebdata/', { waitUntil: 'commit', timeout: 5_000 }).catch(() => {});
  assert.equal(await frame.evaluate(() => location.href), 'chrome-error://chromewebdata/', what);
}

/** Where no link of ours may lead; every third is tried in a sign-in link, the others after signing out. */
function hostileAddresses() {
  const { host } = new URL(demo.wiki);
  return [
    '//evil.test/',
    '///evil.test/',
    '/\\evil.test/',
    '\\\\evil.test/',
    '\t//evil.test/',
    '/\t/evil.test/',
    '/\n/evil.test/',
    'https:evil.test',
    'https:/evil.test',
    'https:///evil.test/',
    'https://evil.test/',
    'http://evil.test/',
    `https://${host}@evil.test/`,
    `https://evil.test\\@${host}/`,
    `https://evil.test#@${host}/`,
    `https://evil.test?@${host}/`,
    `https://user:pass@${host}/`,
    `https://${host}.evil.test/`,
    `https://${host.replace(':', '%3A')}.evil.test/`,
    `https://${host}%2eevil.test/`,
    `https://wiki.localhost:1/`,
    `https://wiki.localhost\u3002evil.test/`,
    `https://wiki.localhost\uff0eevil.test/`,
    `https://evil.test\u2044.${host}/`,
    `http://${host}/`,
    'javascript:alert(1)//',
    'JaVaScRiPt:alert(1)',
    ' javascript:alert(1)',
    'data:text/html,<script>alert(1)</script>',
    `view-source:${demo.wiki}/`,
    `blob:${demo.wiki}/x`,
    `${elsewhere.origin}/`,
  ];
}

describe('hostile pages, people and links', TOGETHER, () => {
  test('t35: no link of ours leads anywhere but to the demo', visit(async (visitor) => {
    const origins = [demo.wiki, demo.lunch, demo.auth];
    const payloads = hostileAddresses().filter((_, index) => index % 3 !== 0);
    assert.ok(payloads.length >= 20);
    for (const payload of payloads) {
      const query = new URLSearchParams({ return_to: payload });
      await visitor.open(`${demo.auth}/.pomerium/signed_out?${query}`);
      const to = await visitor.page.locator('a.apple').evaluate((link) => link.href);
      assert.ok(origins.includes(new URL(to).origin), `${JSON.stringify(payload)} leads to ${to}`);
    }
    // That the address is used at all is what gives the above its meaning.
    const honest = `${demo.lunch}/x?y=%2F%2Fz`;
    await visitor.open(`${demo.auth}/.pomerium/signed_out?${new URLSearchParams({ return_to: honest })}`);
    assert.equal(await visitor.page.locator('a.apple').evaluate((link) => link.href), honest);
  }));

  test('t35: a sign-in link with another address in it leads nowhere else', visit(async (visitor) => {
    await visitor.open(`${demo.wiki}/page`);
    const link = visitor.requests.map((request) => request.url()).find((url) => url.includes('/.pomerium/sign_in?'));
    assert.ok(link);
    for (const payload of hostileAddresses().filter((_, index) => index % 3 === 0)) {
      const forged = new URL(link);
      forged.searchParams.set('pomerium_redirect_uri', payload);
      const response = await visitor.open(forged.href);
      assert.equal(response.status(), 400, payload);
      assert.equal(await visitor.heading(), 'This sign-in link no longer works');
      const to = await visitor.page.getByRole('link', { name: 'Start again' }).evaluate((link) => link.href);
      assert.ok([demo.wiki, demo.lunch, demo.auth].includes(new URL(to).origin), `${payload} leads to ${to}`);
    }
  }));

  test('t35: a path that looks like a host comes back as the path it was', visit(async (visitor) => {
    await visitor.signIn('Ann Archer', `${demo.lunch}/`);
    for (const path of ['//evil.test/', '/%09/evil.test', '/%5Cevil.test', '/@evil.test', '/%2F%2Fevil.test', '/.evil.test']) {
      await visitor.context.clearCookies();
      await visitor.open(demo.lunch + path);
      if (new URL(visitor.page.url()).origin === demo.apple) await visitor.pick('Ann Archer');
      assert.equal(new URL(visitor.page.url()).origin, demo.lunch, path);
    }
  }));

  test('t79: what a hostile person is called stays text', visit(async (visitor) => {
    const script = '<script>window.hacked=1;alert(1)</script>';
    const image = '"><img src=x onerror="window.hacked=1;alert(1)">';
    await visitor.open(`${demo.wiki}/`);
    const response = await visitor.makeUp({
      first_name: script,
      last_name: image,
      email: `"${image}"@evil.test`,
      claims: JSON.stringify({ team: script, role: [image, '</code></style></title>' + script] }),
    });
    assert.equal(response.status(), 403);
    const shown = [];
    for (const address of [null, '/.pomerium/', '/.pomerium/sign_out']) {
      if (address) await visitor.open(demo.wiki + address);
      const found = await visitor.page.evaluate(() => ({
        hacked: window.hacked ?? null,
        foreign: document.querySelectorAll('script,img,object,embed,iframe,[onerror],[onload],[onclick]').length,
        styles: document.querySelectorAll('style').length,
      }));
      assert.deepEqual(found, { hacked: null, foreign: 0, styles: 1 }, visitor.page.url());
      shown.push(await visitor.text());
    }
    assert.ok(shown[0].includes(`${script} ${image}`), 'the 403 page shows the name as it is');
    assert.ok(shown[1].includes(script) && shown[1].includes('onerror'), 'and the user page the claims');
  }));

  test('t79: hostile paths, states and errors stay text too', visit(async (visitor) => {
    const hostile = '"><script>window.hacked=1</script><img src=x onerror=window.hacked=1>';
    const isClean = async () => {
      const found = await visitor.page.evaluate(() => [window.hacked ?? null, document.querySelectorAll('script,img').length]);
      assert.deepEqual(found, [null, 0], visitor.page.url());
      assert.match(await visitor.heading(), /\S/);
    };
    for (const path of ['/.pomerium/', '/.pomerium/callback/?ticket=', '/.pomerium/sign_in?x=', '/.pomerium/signed_out?return_to=', '/.pomerium/nothing/']) {
      await visitor.open(demo.auth + path + encodeURIComponent(hostile));
      if (new URL(visitor.page.url()).origin === demo.auth) await isClean();
    }
    for (const fields of [{ state: hostile, code: hostile }, { state: hostile, error: hostile, error_description: hostile }, { [hostile]: hostile }]) {
      await visitor.open(elsewhere.form(`${demo.auth}/oauth2/callback`, fields));
      assert.equal((await visitor.click('Go')).status(), 400);
      await isClean();
    }
    // Such a path is ambiguous by its escaped slash; without it, it is a path like any other.
    assert.equal((await visitor.open(`${demo.wiki}/${encodeURIComponent(hostile)}`)).status(), 400);
    await isClean();
    await visitor.open(`${demo.wiki}/${encodeURIComponent(hostile.replaceAll('/', ''))}`);
    assert.equal((await visitor.pick('Rae Rivers')).status(), 403);
    await isClean();
  }));

  test('t80: no page of ours can be framed by another site', async () => {
    const expected = [/frame-ancestors|X-Frame-Options|Refused to (display|frame)|Framing/i];
    const visitor = await Visitor.arrive();
    await visitor.signIn('Rae Rivers', `${demo.wiki}/closed`);
    for (const path of OWN_PAGES) {
      await visitor.open(elsewhere.frame(demo.wiki + path));
      await isBlank(visitor.page.frames()[1], `${path} in a frame of another site`);
    }
    await visitor.open(elsewhere.frame(`${demo.auth}/.pomerium/signed_out`));
    await isBlank(visitor.page.frames()[1], 'the signed-out page');
    // Not even by its own site, where the cookie comes along; an app's page can be, or this shows nothing.
    await visitor.open(`${demo.lunch}/`);
    const frames = await visitor.page.evaluate(async (paths) => {
      for (const path of paths) {
        const element = document.createElement('iframe');
        element.src = path;
        document.body.append(element);
        await new Promise((resolve) => { element.onload = resolve; });
      }
    }, ['/menu', '/.pomerium/sign_out', '/.pomerium/']).then(() => visitor.page.frames().slice(1));
    assert.equal(await frames[0].locator('h1').innerText(), 'lunch');
    assert.equal(frames.length, 3);
    for (const frame of frames.slice(1)) await isBlank(frame, 'a page of ours in a frame of the app');
    assert.ok(visitor.blocked.length > 0, 'the console says why');
    await visitor.leave({ blocked: expected });
  });

  test('t81: a form of another site signs nobody out', visit(async (visitor) => {
    await visitor.signIn('Ann Archer', `${demo.wiki}/`);
    await visitor.open(elsewhere.form(`${demo.wiki}/.pomerium/sign_out`, { csrf: 'x' }));
    await visitor.click('Go');
    await visitor.open(`${demo.wiki}/`);
    assert.equal(await visitor.heading(), 'wiki');
  }));

  test('t84: a site that our pages link to learns nothing of where one was', visit(async (visitor) => {
    await visitor.signIn('Rae Rivers', `${demo.wiki}/secret?plan=x`);
    const before = elsewhere.seen.length;
    await visitor.click(visitor.page.getByRole('link', { name: 'your Apple Account' }));
    const seen = elsewhere.seen.slice(before).filter((request) => request.url === '/account/manage');
    assert.equal(seen.length, 1, 'the link was followed');
    assert.equal(seen[0].host, 'account.apple.com');
    assert.equal(seen[0].headers.referer, undefined);
  }));

  test('t84: Apple learns the address of nothing', visit(async (visitor) => {
    await visitor.signIn('Ann Archer', `${demo.wiki}/secret?plan=x`);
    await visitor.open(`${demo.wiki}/.pomerium/sign_out`);
    await visitor.click('Sign out');
    await visitor.click(visitor.page.getByRole('link', { name: 'Sign in with Apple' }));
    const toApple = visitor.requestsTo(demo.apple).filter((request) => request.url().includes('/auth/authorize'));
    assert.equal(toApple.length, 2);
    for (const request of toApple) {
      const headers = await request.allHeaders();
      assert.equal(headers.referer, undefined);
      assert.ok(!request.url().includes('secret'), request.url());
    }
  }));

  test('t84: no code, token or ticket stands in an address or in the log', visit(async (visitor) => {
    await visitor.signIn('Ann Archer', `${demo.wiki}/page`);
    const form = new URLSearchParams(visitor.callback().postData());
    const code = form.get('code');
    assert.ok(code.length > 20);
    const addresses = visitor.requests.map((request) => request.url());
    for (const address of addresses) {
      assert.ok(!address.includes(code), address);
      assert.doesNotMatch(address, /[?&](code|id_token|access_token)=|eyJ|%40|@/, address);
    }
    // A ticket is in the address of a redirect, which no history keeps.
    const ticket = addresses.map((address) => new URL(address).searchParams.get('ticket')).find(Boolean);
    assert.ok(ticket);
    const history = await visitor.history();
    assert.ok(history.includes(`${demo.wiki}/page`));
    for (const address of history) assert.doesNotMatch(address, /ticket=|\/\.pomerium\/|\/oauth2\/|code=/, address);
    for (const secret of [code, ticket, form.get('state')]) assert.ok(!demo.log.includes(secret), 'the log is clean');
  }));
});
