// Signing out, being somebody else, and the page about oneself.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { demo, TOGETHER, visit } from './support.mjs';

describe('signing out', TOGETHER, () => {
  test('signing out takes a button and ends the session on every host', visit(async (visitor) => {
    await visitor.signIn('Ann Archer', `${demo.wiki}/`);
    await visitor.open(`${demo.lunch}/`);
    await visitor.open(`${demo.wiki}/`);
    await visitor.click(visitor.page.getByRole('link', { name: 'Sign out' }));
    assert.equal(await visitor.heading(), 'Sign out?');
    await visitor.open(`${demo.wiki}/`);
    assert.equal(await visitor.heading(), 'wiki', 'looking at the button ends nothing');
    await visitor.open(`${demo.wiki}/.pomerium/sign_out`);
    const response = await visitor.click('Sign out');
    assert.equal(response.status(), 200);
    assert.equal(new URL(visitor.page.url()).origin, demo.auth);
    assert.equal(await visitor.heading(), 'You are signed out');
    const button = visitor.page.getByRole('link', { name: 'Sign in with Apple' });
    assert.equal(await button.getAttribute('href'), `${demo.wiki}/`);
    for (const site of [demo.lunch, demo.wiki]) {
      await visitor.open(`${site}/`);
      assert.equal(new URL(visitor.page.url()).origin, demo.apple, `${site} asks for a sign-in`);
    }
  }));

  test('the button after signing out leads through Apple to the site', visit(async (visitor) => {
    await visitor.signIn('Ann Archer', `${demo.lunch}/`);
    await visitor.open(`${demo.lunch}/.pomerium/sign_out`);
    await visitor.click('Sign out');
    await visitor.click(visitor.page.getByRole('link', { name: 'Sign in with Apple' }));
    await visitor.pick('Rae Rivers');
    assert.equal(visitor.page.url(), `${demo.lunch}/`);
    assert.equal(await visitor.page.locator('#email').innerText(), 'r8k2m4x9qd@privaterelay.appleid.com');
  }));

  test('somebody who may not go in can be somebody else', visit(async (visitor) => {
    const address = `${demo.wiki}/page?q=1&r=%2F`;
    await visitor.signIn('Rae Rivers', address);
    const response = await visitor.click('Use another account');
    assert.equal(response.status(), 200);
    assert.equal(await visitor.heading(), 'Use another account');
    assert.match(await visitor.text(), /Your session here has ended/);
    await visitor.click(visitor.page.getByRole('link', { name: 'Continue with Apple' }));
    await visitor.pick('Ann Archer');
    assert.equal(visitor.page.url(), address);
    assert.equal(await visitor.page.locator('#email').innerText(), 'ann@corp.example');
  }));

  test('the user page says what Apple said', visit(async (visitor) => {
    await visitor.signIn('Ann Archer', `${demo.wiki}/`);
    await visitor.click(visitor.page.getByRole('link', { name: 'Who am I?' }));
    assert.equal(visitor.page.url(), `${demo.wiki}/.pomerium/`);
    assert.equal(await visitor.heading(), 'You are signed in');
    const text = await visitor.text();
    assert.match(text, /ann@corp\.example/);
    assert.match(text, /Your session ends in 14 hours|Your session ends in 13 hours/);
    const claims = await visitor.page.locator('tbody th').allInnerTexts();
    for (const name of ['email', 'email_verified', 'sub', 'iss', 'aud', 'auth_time']) {
      assert.ok(claims.includes(name), `${name} among ${claims}`);
    }
    assert.ok(!claims.includes('nonce'), 'what belongs to the protocol is not kept');
    await visitor.click('Sign out');
    assert.equal(await visitor.heading(), 'You are signed out');
  }));
});
