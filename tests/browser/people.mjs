// Each prepared person, and somebody who cancels.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { demo, TOGETHER, visit } from './support.mjs';

/** An address whose every byte has a way of getting lost. */
const DEEP = '/page/%7Euser/a%20b?q=1&r=%2F&empty=&plus=a+b&space=a%20b&apple=%F0%9F%8D%8E&dup=1&dup=2&end=%25';

/** The same as the app gets it: an escape that means nothing is written plainly, nothing else changes. */
const DEEP_AT_APP = DEEP.replace('%7E', '~');

/** Whoever has a session has lunch, and Apple is not asked a second time. */
async function hasLunch(visitor) {
  const before = visitor.requestsTo(demo.apple).length;
  const response = await visitor.open(`${demo.lunch}/today?n=1`);
  assert.equal(response.status(), 200);
  assert.equal(visitor.page.url(), `${demo.lunch}/today?n=1`);
  assert.equal(await visitor.heading(), 'lunch');
  assert.equal(visitor.requestsTo(demo.apple).length, before, 'one sign-in serves all hosts');
}

describe('people', TOGETHER, () => {
  for (const [name, address] of [
    ['Ann Archer', 'ann@corp.example'],
    ['Ben Baker', 'ben@corp.example'],
  ]) {
    test(`${name} reads the wiki at the very address that was asked for`, visit(async (visitor) => {
      await visitor.open(demo.wiki + DEEP);
      assert.match(visitor.page.url(), /^https:\/\/apple\.localhost:\d+\/auth\/authorize\?/);
      const response = await visitor.pick(name);
      assert.equal(response.status(), 200);
      assert.equal(visitor.page.url(), demo.wiki + DEEP);
      assert.equal(await visitor.page.locator('#asked').innerText(), DEEP_AT_APP);
      assert.equal(await visitor.page.locator('#email').innerText(), address);
      assert.match(await visitor.text(), /gave me a signed assertion/);
      await hasLunch(visitor);
    }));
  }

  for (const [name, subject, explanation] of [
    ['Rae Rivers', /\b000\d{3}\.[0-9a-f]{32}\.\d{4}\b/, [/private relay address/i, /r8k2m4x9qd@privaterelay\.appleid\.com/, /Stop using/, /Share My Email/]],
    ['Max Moore', /\b000\d{3}\.[0-9a-f]{32}\.\d{4}\b/, [/Apple sent no address/]],
    ['Uma Underwood', /000405\.c2d3e4f5a6b74788990a1b2c3d4e5f55\.0905/, [/does not vouch/, /uma@corp\.example/]],
  ]) {
    test(`${name} is told why the wiki stays closed`, visit(async (visitor) => {
      const response = await visitor.signIn(name, demo.wiki + DEEP);
      assert.equal(response.status(), 403);
      assert.equal(visitor.page.url(), demo.wiki + DEEP);
      assert.equal(await visitor.heading(), 'You cannot open this page');
      const text = await visitor.text();
      for (const pattern of [...explanation, subject]) assert.match(text, pattern);
      assert.doesNotMatch(text, /corp\.example(?<!uma@corp\.example)/, 'whom the rule names is nobody’s business');
      const id = await visitor.page.locator('footer .id').innerText();
      assert.match(id, /^\S{6,}$/);
      assert.ok(demo.log.includes(id), 'the log knows the id that the page shows');
      await hasLunch(visitor);
    }));
  }

  test('somebody who cancels lands on a page and may try again', visit(async (visitor) => {
    await visitor.open(demo.wiki + DEEP);
    const response = await visitor.pick('Cancel');
    assert.equal(response.status(), 200);
    assert.equal(await visitor.heading(), 'Sign-in cancelled');
    const again = visitor.page.getByRole('link', { name: 'Try again' });
    assert.equal(await again.getAttribute('href'), demo.wiki + DEEP);
    await visitor.click(again);
    await visitor.pick('Ann Archer');
    assert.equal(visitor.page.url(), demo.wiki + DEEP);
  }));

  test('every page says that this is not Apple', visit(async (visitor) => {
    await visitor.open(`${demo.wiki}/`);
    assert.match(await visitor.text(), /This is not Apple/);
    await visitor.pick('Cancel');
    assert.match(await visitor.text(), /Not Apple/);
  }));
});
