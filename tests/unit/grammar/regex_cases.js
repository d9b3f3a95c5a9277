// SPDX-License-Identifier: Apache-2.0
// Writes regex_cases.json: random patterns, texts and what node's RegExp says of them.
//   node tests/unit/grammar/regex_cases.js [patterns] [seed] > tests/unit/grammar/regex_cases.json
// A row is [pattern, whole, text, matches, text, matches, ...]. The oracle is RegExp with the u
// flag; whole is ^(?:pattern)$ with the s flag too. Lenient spellings, which the u flag refuses,
// are asked without it, and then only with patterns and texts in the basic plane.
'use strict';
const vm = require('vm');
const world = vm.createContext({});
// null: the oracle backtracks for too long.
const ask = (oracle, text) => {
  [world.oracle, world.text] = [oracle, text];
  try {
    return vm.runInContext('oracle.test(text)', world, {timeout: 500});
  } catch (e) {
    return null;
  }
};
let state = Number(process.argv[3] || 1);
const rand = n => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor(state / 4294967296 * n);
};
const pick = list => list[rand(list.length)];
const alphabet = [
  'a', 'b', 'c', 'x', '0', '7', '_', '-', ',', '.', ' ', '\n', '\t', 'é', 'ß', 'ж', '中', '\u2028',
  '\ufeff', '\u00a0', '😀', '𐍈', 'A', 'Z', '\ud7ff', '\ue000', '\u007f', '\u0080', '\u07ff',
  '\u0800', '\uffff', '\u{10000}', '\u{10ffff}', '/', ']', '}', '{', '^', '$', '\\', '\0', '\b'];
const escapes = [
  ['\\d', '7'], ['\\D', 'a'], ['\\w', '_'], ['\\W', 'é'], ['\\s', '\u00a0'], ['\\S', 'ж'],
  ['\\x41', 'A'], ['\\u0062', 'b'], ['\\u{1F600}', '😀'], ['\\uD83D\\uDE00', '😀'], ['\\t', '\t'],
  ['\\n', '\n'], ['\\0', '\0'], ['\\cI', '\t'], ['\\/', '/'], ['\\.', '.'], ['\\^', '^'],
  ['\\$', '$'], ['\\\\', '\\'], ['\\-', '-'], ['\\_', '_'], ['\\p{L}', 'ж'], ['\\P{L}', '7'],
  ['\\p{Lu}', 'A'], ['\\p{Nd}', '0'], ['\\p{Zs}', ' '], ['\\p{gc=Ll}', 'ß'],
  ['\\u{7ff}', '\u07ff'], ['\\uFFFF', '\uffff']];
const quote = c => '^$\\.*+?()[]{}|/'.includes(c) ? '\\' + c : c;
const inClass = c => '^\\]-['.includes(c) ? '\\' + c : c;

// Gives [pattern, a function that gives a text it may match].
function atom(depth) {
  switch (rand(depth > 0 ? 9 : 6)) {
  case 0: { const [p, t] = pick(escapes); return [p, () => t]; }
  case 1: return ['.', () => pick(alphabet)];
  case 2: case 3: return charClass();
  case 4: case 5: {
    const is_bare = rand(16) === 0;
    const c = is_bare ? pick([']', '}', '{', '{a', '{1', '{1,a']) : pick(alphabet);
    return [is_bare ? c : quote(c), () => c];
  }
  default: {
    const [p, t] = alternatives(depth - 1);
    return [pick(['(', '(?:', '(?:', `(?<g${names++}>`]) + p + ')', t];
  }
  }
}
let names = 0;
function charClass() {
  let p = '', texts = [], inverted = rand(4) === 0;
  for (let n = rand(4) + (rand(20) ? 1 : 0); n > 0; n--) {
    const kind = rand(6);
    if (kind === 0) { const [e, t] = pick(escapes); p += e; texts.push(t); }
    else if (kind === 1) { 
      const [lo, hi] = [pick(alphabet), pick(alphabet)].sort(
        (a, b) => a.codePointAt(0) - b.codePointAt(0));
      p += inClass(lo) + '-' + inClass(hi); texts.push(lo, hi); }
    else if (kind === 2 && rand(4) === 0) { p += '\\w-'; texts.push('a', '-'); }
    else { const c = pick(alphabet); p += inClass(c); texts.push(c); }
  }
  return [(inverted ? '[^' : '[') + p + ']',
    () => inverted || !texts.length ? pick(alphabet) : pick(texts)];
}
function term(depth) {
  if (rand(12) === 0) return [pick(['^', '$']), () => ''];
  const [p, t] = atom(depth);
  const many = n => () => { let s = ''; for (let i = 0; i < n; i++) s += t(); return s; };
  switch (rand(10)) {
  case 0: return [p + '*' + pick(['', '?']), many(rand(3))];
  case 1: return [p + '+' + pick(['', '?']), many(1 + rand(2))];
  case 2: return [p + '?' + pick(['', '?']), many(rand(2))];
  case 3: {
    const m = rand(4), n = m + rand(4);
    return [p + `{${m},${n}}`, many(m + rand(n - m + 1))];
  }
  case 4: { const m = rand(3); return [p + pick([`{${m}}`, `{${m},}`]), many(m)]; }
  default: return [p, t];
  }
}
function sequence(depth) {
  const terms = [];
  for (let n = rand(4) + (rand(10) ? 1 : 0); n > 0; n--) terms.push(term(depth));
  return [terms.map(x => x[0]).join(''), () => terms.map(x => x[1]()).join('')];
}
function alternatives(depth) {
  const all = [sequence(depth)];
  while (rand(4) === 0) all.push(sequence(depth));
  return [all.map(x => x[0]).join('|'), () => pick(all)[1]()];
}
function mutate(t) {
  const c = [...t];
  switch (rand(5)) {
  case 0: c.splice(rand(c.length + 1), 0, pick(alphabet)); break;
  case 1: c.splice(rand(c.length + 1), 1); break;
  case 2: if (c.length) c[rand(c.length)] = pick(alphabet); break;
  case 3: return pick(alphabet) + t + pick(alphabet);
  }
  return c.join('');
}
const isBasic = s => [...s].every(c => c.codePointAt(0) < 0x10000);
const rows = [];
for (let n = Number(process.argv[2] || 400); rows.length < n;) {
  names = 0;
  let [p, t] = alternatives(2);
  if (rand(4) === 0) p = '^' + p;
  if (rand(4) === 0) p += '$';
  const whole = rand(4) === 0, source = whole ? `^(?:${p})$` : p, flags = whole ? 's' : '';
  let oracle, lenient = false;
  try { oracle = new RegExp(source, flags + 'u'); } catch (e) {
    if (!isBasic(p) || /\\[pPu]|\\0\d/.test(p)) continue;
    try { oracle = new RegExp(source, flags); lenient = true; } catch (e2) { continue; }
  }
  const row = [p, whole];
  for (let i = 0; i < 8; i++) {
    const text = i === 0 ? '' : mutate(rand(3) ? t() : mutate(t()));
    if (lenient && !isBasic(text)) continue;
    const found = ask(oracle, text);
    if (found !== null) row.push(text, found);
  }
  rows.push(row);
}
console.log('[\n' + rows.map(r => JSON.stringify(r)).join(',\n') + '\n]');
