// How the pages look: pictures for people in target/screenshots, and what a program can tell.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, test } from 'node:test';
import { demo, elsewhere, TOGETHER, visit } from './support.mjs';

const FOLDER = process.env.SCREENSHOTS ?? fileURLToPath(new URL('../../target/screenshots', import.meta.url));
mkdirSync(FOLDER, { recursive: true });

const SIZES = { phone: { width: 375, height: 812 }, desk: { width: 1280, height: 800 } };

/** Takes the page in both sizes and both schemes, and holds it to what can be measured. */
async function look(visitor, name) {
  const { page } = visitor;
  for (const [size, viewport] of Object.entries(SIZES)) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      const problems = await page.evaluate(findProblems);
      assert.deepEqual(problems, [], `${name}, ${size}, ${colorScheme}`);
      await page.screenshot({ path: `${FOLDER}/${name}-${size}-${colorScheme}.png`, fullPage: true });
    }
  }
}

/** Runs in the page: what is too wide, too small, or too faint. */
function findProblems() {
  const problems = [];
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) problems.push(`scrolls sideways: ${root.scrollWidth} > ${root.clientWidth}`);
  const channels = (color) => color.match(/[\d.]+/g).map(Number);
  const luminance = (rgb) => {
    const [r, g, b] = rgb.slice(0, 3).map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = channels(getComputedStyle(at).backgroundColor);
      if (color.length < 4 || color[3] > 0) return color;
    }
    return matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18] : [255, 255, 255];
  };
  for (const element of document.body.querySelectorAll('*')) {
    const style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    const own = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim()).join('');
    if (box.width === 0 || !element.checkVisibility()) continue;
    const what = `${element.localName}.${element.className}: ${own.slice(0, 40)}`;
    if (own) {
      const [a, b] = [luminance(channels(style.color)), luminance(ground(element))].sort((x, y) => y - x);
      const contrast = (a + 0.05) / (b + 0.05);
      if (contrast < 4.5) problems.push(`faint (${contrast.toFixed(1)}:1): ${what}`);
      if (parseFloat(style.fontSize) < 12) problems.push(`small (${style.fontSize}): ${what}`);
    }
    const pressed = element.matches('button, a.button, a.apple, summary');
    if (pressed && box.height < 44) problems.push(`hard to hit (${box.height} px high): ${what}`);
  }
  return problems;
}

describe('looks', TOGETHER, () => {
  for (const [name, who] of [
    ['403-relay', 'Rae Rivers'],
    ['403-no-address', 'Max Moore'],
    ['403-unverified', 'Uma Underwood'],
  ]) {
    test(`looks: ${name}`, visit(async (visitor) => {
      assert.equal((await visitor.signIn(who, `${demo.wiki}/`)).status(), 403);
      await look(visitor, name);
    }));
  }

  test('looks: 403 with everything about the person as long as it comes', visit(async (visitor) => {
    await visitor.open(`${demo.wiki}/`);
    await visitor.makeUp({
      first_name: 'Wolfeschlegelsteinhausenbergerdorff'.repeat(3),
      last_name: 'von und zu '.repeat(10),
      email: `${'long'.repeat(15)}@${'domain'.repeat(9)}.example`,
    });
    await look(visitor, '403-long');
  }));

  test('looks: Apple’s button', visit(async (visitor) => {
    await visitor.signIn('Rae Rivers', `${demo.wiki}/`);
    await visitor.click('Use another account');
    await look(visitor, 'button-another-account');
    await visitor.open(elsewhere.form(`${demo.wiki}/save`, { note: 'a note' }));
    await visitor.click('Go');
    await look(visitor, 'button-nothing-was-sent');
    await visitor.open(`${demo.auth}/.pomerium/signed_out`);
    await look(visitor, 'button-signed-out');
  }));

  test('looks: cancelled, errors', visit(async (visitor) => {
    await visitor.open(`${demo.wiki}/`);
    await look(visitor, 'apple-pick');
    await visitor.page.locator('summary').click();
    await look(visitor, 'apple-make-up');
    await visitor.pick('Cancel');
    await look(visitor, 'cancelled');
    await visitor.open(elsewhere.form(`${demo.auth}/oauth2/callback`, { state: 'x', code: 'x' }));
    await visitor.click('Go');
    await look(visitor, 'error-not-matched');
    await visitor.open(`${demo.apple}/auth/authorize?client_id=x`);
    await look(visitor, 'apple-error');
  }));

  test('looks: the user page and the question before signing out', visit(async (visitor) => {
    await visitor.signIn('Ann Archer', `${demo.wiki}/`);
    await visitor.open(`${demo.wiki}/.pomerium/`);
    await look(visitor, 'user');
    await visitor.open(`${demo.wiki}/.pomerium/sign_out`);
    await look(visitor, 'sign-out');
  }));

  // Without scripts the answer waits for its button.
  test('looks: the fake Apple’s answer', visit(async (visitor) => {
    await visitor.open(`${demo.wiki}/`);
    await visitor.click(visitor.page.getByRole('button', { name: 'Ann Archer' }));
    await look(visitor, 'apple-answer');
  }, { javaScriptEnabled: false }));
});
