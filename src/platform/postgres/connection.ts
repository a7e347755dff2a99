/** `sslmode` as libpq defines it: `require` encrypts, only `verify-*` checks the certificate. */
export const libpqUrl = (url: string): string => {
  const parsed = new URL(url);
  if (parsed.searchParams.has('sslmode')) parsed.searchParams.set('uselibpqcompat', 'true');
  return parsed.href;
};
