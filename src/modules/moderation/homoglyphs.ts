/** Letters of other scripts, and signs, that are read as Latin ones; each string of look-alikes beside its letter. */
const lookAlikes: Record<string, string> = {
  a: 'аαɑ∂ᴀ',
  b: 'вьβƅʙ',
  c: 'сϲᴄ¢©ꞓ',
  d: 'ԁɗđᴅ',
  e: 'еєεёѐ€əᴇ',
  f: 'ƒſꜰꞙ',
  g: 'ɡցɢ',
  h: 'һнћħʜ',
  i: 'іїιıӏ¡ɪ',
  j: 'јϳᴊ',
  k: 'кκқᴋĸ',
  l: 'łｌʟ',
  m: 'мϻᴍ',
  n: 'пηνոɴ',
  o: 'оοσөøðᴏ',
  p: 'рρþᴘ',
  q: 'ԛ',
  r: 'гʀ',
  s: 'ѕ§ꜱ',
  t: 'тτŧᴛ',
  u: 'υцսµμᴜʊ',
  v: 'ѵᴠ',
  w: 'ԝωшщᴡ',
  x: 'хχ',
  y: 'уүγ¥ʏ',
  z: 'ᴢ',
};

const ligatures: Record<string, string> = { œ: 'oe', æ: 'ae', ß: 'ss' };

/** Where white letters in black circles and squares begin; Unicode does not tell that they are letters. */
const inverted = [0x1_f1_50, 0x1_f1_70];

const letters: ReadonlyMap<string, string> = new Map([
  ...Object.entries(lookAlikes).flatMap(([letter, alike]) =>
    Array.from(alike, (sign) => [sign, letter] as const),
  ),
  ...inverted.flatMap((first) =>
    Array.from({ length: 26 }, (_, at) => {
      const letter = String.fromCodePoint(0x61 + at);
      return [String.fromCodePoint(first + at), letter] as const;
    }),
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
