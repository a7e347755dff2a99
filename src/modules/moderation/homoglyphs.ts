/** Letters of other scripts, and signs, that are read as Latin ones; each string of look-alikes beside its letter. */
const lookAlikes: Record<string, string> = {
  a: 'аαɑ∂',
  b: 'вьβƅ',
  c: 'сϲᴄ¢©',
  d: 'ԁɗđ',
  e: 'еєεёѐ€ə',
  f: 'ƒſ',
  g: 'ɡց',
  h: 'һнћħ',
  i: 'іїιıӏ¡',
  j: 'јϳ',
  k: 'кκқ',
  l: 'łｌ',
  m: 'мϻ',
  n: 'пηνո',
  o: 'оοσөøð',
  p: 'рρþ',
  q: 'ԛ',
  r: 'гʀ',
  s: 'ѕ§',
  t: 'тτŧ',
  u: 'υцսµμ',
  v: 'ѵ',
  w: 'ԝωшщ',
  x: 'хχ',
  y: 'уүγ¥',
  z: 'ᴢ',
};

const ligatures: Record<string, string> = { œ: 'oe', æ: 'ae', ß: 'ss' };

const letters: ReadonlyMap<string, string> = new Map([
  ...Object.entries(lookAlikes).flatMap(([letter, alike]) =>
    Array.from(alike, (sign) => [sign, letter] as const),
  ),
  ...Object.entries(ligatures),
]);

/** The Latin letters that a lower-case letter is read as, if it is not one itself. */
export const latinOf = (letter: string): string | undefined => letters.get(letter);

/** What digits and signs stand for inside of words. */
export const leet: Readonly<Record<string, string>> = {
  '0': 'o',
  '1': 'i',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '8': 'b',
  '9': 'g',
  '@': 'a',
  $: 's',
  '!': 'i',
  '|': 'i',
  '+': 't',
};
