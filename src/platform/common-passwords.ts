/** Letters that are commonly written as something else. */
const written: Record<string, string> = {
  '@': 'a',
  '4': 'a',
  '3': 'e',
  '1': 'i',
  '!': 'i',
  '0': 'o',
  $: 's',
  '5': 's',
  '7': 't',
};

const plain = (password: string): string =>
  password.replaceAll(/[@431!0$57]/g, (sign) => written[sign] ?? sign);

/** The list is large and wanted seldom: it is read at the first question. */
const readList = async (): Promise<ReadonlySet<string>> => {
  const { dictionary } = await import('@zxcvbn-ts/language-common');
  return new Set(Object.values(dictionary).flat().map(String));
};

/** Whether a password is one of the 50 000 most used, or one with a sign put before or behind it. */
export const createCommonPasswords = () => {
  let list: Promise<ReadonlySet<string>> | undefined;
  return {
    async has(password: string): Promise<boolean> {
      list ??= readList();
      const known = await list;
      const lower = password.toLowerCase();
      const bare = lower.replaceAll(/^[!@#$%^&*]+|[!@#$%^&*]+$/g, '');
      return [lower, bare, plain(lower), plain(bare)].some((variant) => known.has(variant));
    },
  };
};
