// The way to Apple and back, as browsers really go it.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { demo, elsewhere, TOGETHER, visit, Visitor } from './support.mjs';

/** A browser that keeps no cookies of `sites`, by Chromium's own setting. */
async function withoutCookies(sites, walk) {
  const folder = mkdtempSync(join(tmpdir(), 'russet-browser-'));
  const rules = sites.map((site) => [`${site},*`, { setting: 2 }]);
  const preferences = { profile: { content_settings: { exceptions: { cookies: Object.fromEntries(rules) } } } };
  mkdirSync(join(folder, 'Default'));
  writeFileSync(join(folder, 'Default', 'Preferences'), JSON.stringify(preferences));
  const visitor = await Visitor.arriveWith(folder);
  try {
    await walk(visitor);
  } finally {
    await visitor.leave();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Puts a frame into a page of the app, and gives what came of it. */
async function frame(page, url) {
  const answer = page.waitForResponse((response) => response.url() === url);
  await page.evaluate((src) => {
    const element = document.createElement('iframe');
    element.src = src;
    document.body.append(element);
    return new Promise((resolve) => { element.onload = resolve; });
  }, url);
  const response = await answer;
  return { status: response.status(), frame: page.frames().at(-1) };
}

describe('the way to Apple and back', TOGETHER, () => {
  test('Apple’s answer arrives as a cross-site POST, and its cookie with it', visit(async (visitor) => {
    await visitor.signIn('Ann Archer', `${demo.wiki}/`);
    const headers = await visitor.callback().allHeaders();
    assert.equal(headers['sec-fetch-site'], 'cross-site');
    assert.equal(headers['sec-fetch-mode'], 'navigate');
    assert.equal(headers['sec-fetch-dest'], 'document');
    assert.equal(headers.origin, demo.apple);
    assert.match(headers.cookie, /^__Host-russet[^=]*=/, 'a cookie that were not SameSite=None would be missing');
    assert.equal(visitor.page.url(), `${demo.wiki}/`);
  }));

  test('cookies are each of one host, for HTTPS, and out of reach of scripts', visit(async (visitor) => {
    await visitor.signIn('Ann Archer', `${demo.wiki}/`);
    const cookies = await visitor.context.cookies();
    const ours = cookies.filter((cookie) => cookie.name.startsWith('__Host-russet'));
    const hosts = new Set(ours.map((cookie) => cookie.domain));
    assert.deepEqual([...hosts].sort(), ['auth.localhost', 'wiki.localhost']);
    for (const cookie of ours) {
      assert.equal(cookie.secure, true, cookie.name);
      assert.equal(cookie.httpOnly, true, cookie.name);
      assert.equal(cookie.path, '/', cookie.name);
    }
    assert.equal(await visitor.page.evaluate(() => document.cookie), '');
  }));

  test('all of it works without JavaScript', visit(async (visitor) => {
    await visitor.open(`${demo.wiki}/page?q=1`);
    await visitor.click(visitor.page.getByRole('button', { name: 'Ann Archer' }));
    assert.equal(await visitor.heading(), 'Back to auth.localhost', 'nothing moves by itself');
    const response = await visitor.click('Continue');
    assert.equal(response.status(), 200);
    assert.equal(visitor.page.url(), `${demo.wiki}/page?q=1`);
    assert.equal(await visitor.heading(), 'wiki');
    await visitor.open(`${demo.wiki}/.pomerium/sign_out`);
    await visitor.click('Sign out');
    assert.equal(await visitor.heading(), 'You are signed out');
    await visitor.click(visitor.page.getByRole('link', { name: 'Sign in with Apple' }));
    assert.equal(new URL(visitor.page.url()).origin, demo.apple);
    await visitor.click(visitor.page.getByRole('button', { name: 'Rae Rivers' }));
    assert.equal((await visitor.click('Continue')).status(), 403);
    await visitor.click('Use another account');
    assert.equal(await visitor.heading(), 'Use another account');
  }, { javaScriptEnabled: false }));

  test('tabs that sign in at once each land on their own address', visit(async (visitor) => {
    const addresses = [`${demo.wiki}/one?n=1`, `${demo.wiki}/two?n=2`, `${demo.lunch}/three?n=3`];
    const tabs = [];
    for (const address of addresses) {
      const tab = await visitor.context.newPage();
      await visitor.open(address, tab);
      assert.equal(new URL(tab.url()).origin, demo.apple, 'each tab is at Apple before any is back');
      tabs.push(tab);
    }
    await Promise.all(tabs.map((tab) => visitor.pick('Ann Archer', tab)));
    assert.deepEqual(tabs.map((tab) => tab.url()), addresses);
    assert.equal(visitor.requests.filter((request) => request.method() === 'POST' && request.url().endsWith('/oauth2/callback')).length, 3);
  }));

  test('whoever is signed in is not sent to Apple again', visit(async (visitor) => {
    await visitor.open(`${demo.lunch}/`);
    await visitor.pick('Ann Archer');
    const before = visitor.requests.length;
    for (const address of [`${demo.lunch}/again`, `${demo.wiki}/too`, `${demo.lunch}/`]) {
      await visitor.open(address);
      assert.equal(visitor.page.url(), address);
    }
    const asked = visitor.requests.slice(before).map((request) => new URL(request.url()).origin);
    assert.ok(!asked.includes(demo.apple), asked.join(' '));
    visitor.callback();
  }));

  test('a frame without a session shows a link that opens in the top window', visit(async (visitor) => {
    await visitor.signIn('Ann Archer', `${demo.wiki}/`);
    await visitor.context.clearCookies();
    const framed = await frame(visitor.page, `${demo.wiki}/report?n=1`);
    assert.equal(framed.status, 401);
    assert.match(await framed.frame.locator('h1').innerText(), /^Sign in first/);
    const link = framed.frame.getByRole('link', { name: 'Sign in with Apple' });
    assert.equal(await link.getAttribute('target'), '_top');
    await visitor.click(link);
    assert.equal(new URL(visitor.page.url()).origin, demo.apple, 'the whole window goes to Apple');
    await visitor.pick('Ann Archer');
    assert.equal(new URL(visitor.page.url()).origin, demo.wiki);
  }));

  test('a form posted without a session is not lost in a redirect', visit(async (visitor) => {
    await visitor.open(elsewhere.form(`${demo.wiki}/save`, { note: 'a note' }));
    const response = await visitor.click('Go');
    assert.equal(response.status(), 401);
    assert.equal(visitor.page.url(), `${demo.wiki}/save`);
    assert.match(await visitor.text(), /Nothing was sent/);
    await visitor.click(visitor.page.getByRole('link', { name: 'Sign in with Apple' }));
    assert.equal((await visitor.pick('Ann Archer')).status(), 200);
    assert.equal(new URL(visitor.page.url()).origin, demo.wiki);
  }));

  test('t19: Apple’s answer to one browser signs nobody in in another', visit(async (victim) => {
    // The attacker stops before the answer is posted and has the victim post it.
    const attacker = await Visitor.arrive({ javaScriptEnabled: false });
    await attacker.open(`${demo.wiki}/`);
    await attacker.click(attacker.page.getByRole('button', { name: 'Ben Baker' }));
    const fields = await attacker.page.locator('#answer input').evaluateAll((inputs) =>
      inputs.map((input) => [input.name, input.value]));
    assert.ok(fields.some(([name]) => name === 'code'));
    await victim.open(elsewhere.form(`${demo.auth}/oauth2/callback`, Object.fromEntries(fields)));
    const response = await victim.click('Go');
    assert.equal(response.status(), 400);
    assert.equal(await victim.heading(), 'This sign-in could not be matched');
    const cookies = (await victim.context.cookies()).map((cookie) => cookie.name);
    assert.ok(!cookies.includes('__Host-russet'), 'no session');
    await victim.open(`${demo.wiki}/`);
    assert.equal(new URL(victim.page.url()).origin, demo.apple, 'still a stranger');
    // It is the attacker's own, and nothing was spent.
    await attacker.click('Continue');
    assert.equal(attacker.page.url(), `${demo.wiki}/`);
    await attacker.leave();
  }));

  test('t90: a browser that keeps no cookie of the site is told so at once', () =>
    withoutCookies([demo.wiki], async (visitor) => {
      const response = await visitor.signIn('Ann Archer', `${demo.wiki}/page`);
      assert.equal(response.status(), 400);
      assert.equal(await visitor.heading(), 'Your browser kept no cookie');
      const again = visitor.page.getByRole('link', { name: 'Start again' });
      await visitor.click(again);
      assert.equal(await visitor.heading(), 'Your browser kept no cookie');
      const loads = visitor.requests.filter((request) => request.isNavigationRequest());
      assert.ok(loads.length < 16, `it does not go round: ${loads.length} page loads`);
      // Where its cookies are kept, the same person is let in.
      await visitor.open(`${demo.lunch}/`);
      assert.equal(await visitor.heading(), 'lunch');
    }));

  test('t90: a browser that keeps no cookie at all is told so', () =>
    withoutCookies([demo.wiki, demo.auth], async (visitor) => {
      const response = await visitor.signIn('Ann Archer', `${demo.wiki}/page`);
      assert.equal(response.status(), 400);
      assert.equal(await visitor.heading(), 'This sign-in could not be matched');
      assert.match(await visitor.text(), /cookies are blocked/);
      assert.ok(visitor.requests.filter((request) => request.isNavigationRequest()).length < 8);
    }));
});
