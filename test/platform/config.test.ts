import { describe, expect, it } from 'vitest';
import { ConfigError, EXAMPLE_SECRET, limitsOf, readConfig } from '#config.ts';
import { production } from '#test/production.ts';

const problemsOf = (environment: Record<string, string>): readonly string[] => {
  try {
    readConfig(environment);
    return [];
  } catch (refused) {
    if (refused instanceof ConfigError) return refused.problems;
    throw refused;
  }
};

const without = (name: keyof typeof production): Record<string, string> =>
  Object.fromEntries(Object.entries(production).filter(([key]) => key !== name));

describe('without any setting', () => {
  it('the service can start, by the defaults of the contract', () => {
    const { server, database, jwt, storage, limits } = readConfig({});
    expect(server).toMatchObject({ ENVIRONMENT: 'development', PORT: 8080 });
    expect(database.DATABASE_URL).toBeUndefined();
    expect(jwt).toMatchObject({
      JWT_EXPIRATION_TIME: 15 * 60_000,
      JWT_REFRESH_TIME: 7 * 86_400_000,
      JWT_REFRESH_TTL: 30 * 86_400_000,
    });
    expect(storage).toMatchObject({
      STORAGE_QUOTA_BYTES: 10 * 2 ** 30,
      UPLOAD_MAX_BYTES: 200 * 2 ** 20,
    });
    expect(limits).toMatchObject({
      RATE_LIMIT_FACTOR: 1,
      RATE_LIMIT_STRANGER: { rate: 100, period_ms: 60_000, burst: 100 },
      RATE_LIMIT_MEMBER: { rate: 500, period_ms: 60_000, burst: 500 },
      RATE_LIMIT_LOGIN: { rate: 10, period_ms: 15 * 60_000, burst: 10 },
      RATE_LIMIT_REGISTER: { rate: 5, period_ms: 3_600_000, burst: 5 },
      RATE_LIMIT_UPLOAD: { rate: 30, period_ms: 3_600_000, burst: 30 },
    });
  });

  it('what is empty counts as unset', () => {
    expect(readConfig({ PORT: '', JWT_SECRET: '', DATABASE_URL: '' })).toEqual(readConfig({}));
  });
});

describe('a value that is written well', () => {
  it.each([
    ['server', 'PORT', '0', 0],
    ['server', 'PORT', '65535', 65_535],
    ['server', 'REQUEST_TIMEOUT', '300ms', 300],
    ['server', 'REQUEST_TIMEOUT', '90s', 90_000],
    ['jwt', 'JWT_REFRESH_TTL', '2h', 7_200_000],
    ['jwt', 'JWT_REFRESH_ROTATION', 'No', false],
    ['storage', 'STORAGE_QUOTA_BYTES', '1048576', 1_048_576],
    ['storage', 'STORAGE_QUOTA_BYTES', '1TiB', 2 ** 40],
    [
      'server',
      'CORS_ORIGINS',
      ' https://a.example , http://b:81,',
      ['https://a.example', 'http://b:81'],
    ],
    ['limits', 'RATE_LIMIT_STRANGER', '7/10s,burst=3', { rate: 7, period_ms: 10_000, burst: 3 }],
    ['limits', 'RATE_LIMIT_STRANGER', '7/h', { rate: 7, period_ms: 3_600_000, burst: 7 }],
    ['limits', 'RATE_LIMIT_FACTOR', '0.5', 0.5],
  ] as const)('is read: %s %s=%s', (group, name, written, value) => {
    expect((readConfig({ [name]: written })[group] as Record<string, unknown>)[name]).toEqual(
      value,
    );
  });

  it('of proxies is a list of addresses and ranges', () => {
    const { block } = readConfig({ TRUSTED_PROXIES: '10.0.0.0/8, ::1 ,fd00::/8' }).server
      .TRUSTED_PROXIES;
    const told = [
      block.check('10.9.9.9'),
      block.check('11.0.0.1'),
      block.check('::1', 'ipv6'),
      block.check('fd12::1', 'ipv6'),
      block.check('::2', 'ipv6'),
    ];
    expect(told).toEqual([true, false, true, true, false]);
  });
});

describe('a bad value', () => {
  const bad: [string, string[]][] = [
    ['ENVIRONMENT', ['prod', 'Production']],
    ['LOG_LEVEL', ['loud', 'trace']],
    ['PORT', ['x', '-1', '65536', '80.5', '0x50', '1e3', ' ', '8080 ']],
    ['DATABASE_POOL_MAX', ['1', '1001', 'many', ' ']],
    ['SLOW_QUERY_MS', ['-1', ' ', '50ms']],
    ['REQUEST_TIMEOUT', ['2', '0', '0s', '-1s', '1.5h', '15 m', '15M', '1h30m', '9999999d', 'm']],
    ['JWT_REFRESH_ROTATION', ['maybe', '2', 'constructor']],
    ['STORAGE_QUOTA_BYTES', ['-1', '10GB', '10gib', '1.5GiB', '10 GiB', '99999999TiB']],
    ['RATE_LIMIT_FACTOR', ['0', '-1', 'NaN', 'Infinity', 'x']],
    ['RATE_LIMIT_LOGIN', ['10', '0/1m', '1/0m', '1.5/1m', '10/1', '10/1m,burst=0', '10/1m,x=1']],
    ['DATABASE_URL', ['localhost', 'mysql://h/d', '/var/run']],
    ['STORAGE_URL', ['/srv/files', 'http://h/x', 'file://srv/veza']],
    ['PUBLIC_URL', ['veza.app', 'ftp://veza.app']],
    ['JWT_SECRET', ['short', 'x'.repeat(31)]],
    ['STREAM_SECRET', ['y'.repeat(31)]],
    [
      'CORS_ORIGINS',
      ['*', 'null', 'veza.app', 'https://veza.app/', 'https://a.example/x', 'https://a b'],
    ],
    [
      'TRUSTED_PROXIES',
      [
        'localhost',
        '10.0.0.0/',
        '10.0.0.0/33',
        '10.0.0.0/ 8',
        '10.0.0.0/8/8',
        '::1/129',
        '10.0.0/8',
      ],
    ],
  ];
  const each = bad.flatMap(([name, values]) => values.map((written) => ({ name, written })));

  it.each(each)('stops the start by one clear line: $name=$written', ({ name, written }) => {
    const problems = problemsOf({ [name]: written });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^${name} [^\\n]{5,}$`));
  });

  it('is told together with every other', () => {
    const problems = problemsOf({
      PORT: 'x',
      LOG_LEVEL: 'loud',
      JWT_SECRET: 'short',
      DATABASE_URL: 'x',
    });
    expect(problems.map((line) => line.split(' ')[0]).sort()).toEqual([
      'DATABASE_URL',
      'JWT_SECRET',
      'LOG_LEVEL',
      'PORT',
    ]);
  });

  it('that is secret is not repeated in its line', () => {
    expect(problemsOf({ JWT_SECRET: 'hunter2' }).join()).not.toContain('hunter2');
  });
});

describe('production', () => {
  it('starts when all it demands is set', () => {
    expect(problemsOf(production)).toEqual([]);
  });

  it.each(['DATABASE_URL', 'JWT_SECRET', 'STREAM_SECRET', 'STORAGE_URL'] as const)(
    'refuses to start without %s',
    (name) => {
      for (const environment of [without(name), { ...production, [name]: '' }])
        expect(problemsOf(environment)).toEqual([expect.stringMatching(new RegExp(`^${name} `))]);
    },
  );

  it.each(['JWT_SECRET', 'JWT_SECRET_PREVIOUS', 'STREAM_SECRET'])(
    'refuses the published example as %s',
    (name) => {
      const problems = problemsOf({ ...production, [name]: EXAMPLE_SECRET });
      expect(problems).toEqual([expect.stringMatching(new RegExp(`^${name} `))]);
    },
  );
});

describe('gRPC', () => {
  const { GRPC_PORT: _, ...open } = production;
  const certificate = { GRPC_TLS_CERT: '/a.pem', GRPC_TLS_KEY: '/b.pem' };

  it('is on without any setting, and off when it is said to be', () => {
    expect(readConfig({}).grpc.GRPC_PORT).toBe(50_051);
    expect(readConfig({ GRPC_PORT: 'off' }).grpc.GRPC_PORT).toBe('off');
    expect(problemsOf({ GRPC_PORT: 'none' })).toEqual([expect.stringMatching(/^GRPC_PORT /)]);
  });

  it('needs a certificate in production, in one clear line, and both of its files anywhere', () => {
    expect(problemsOf(open)).toEqual([expect.stringMatching(/^GRPC_TLS_CERT and GRPC_TLS_KEY /)]);
    expect(problemsOf({ ...open, ...certificate })).toEqual([]);
    const { GRPC_TLS_CERT } = certificate;
    expect(problemsOf({ GRPC_TLS_CERT })).toEqual([
      expect.stringMatching(/^GRPC_TLS_CERT and GRPC_TLS_KEY /),
    ]);
  });

  it('knows services by secrets that are long enough', () => {
    const read = (written: string) => readConfig({ GRPC_SERVICE_TOKENS: written }).grpc;
    const secret = 'x'.repeat(32);
    expect(read(`a=${secret},b-2=${secret}=`).GRPC_SERVICE_TOKENS).toEqual([
      { name: 'a', secret },
      { name: 'b-2', secret: `${secret}=` },
    ]);
    for (const written of ['a', `A=${secret}`, 'a=short', `=${secret}`])
      expect(problemsOf({ GRPC_SERVICE_TOKENS: written })).toEqual([
        expect.stringMatching(/^GRPC_SERVICE_TOKENS /),
      ]);
  });
});

describe('what was read', () => {
  it('cannot be changed', () => {
    const config = readConfig({});
    expect(Object.isFrozen(config)).toBe(true);
    for (const group of Object.values(config)) expect(Object.isFrozen(group)).toBe(true);
  });

  it('of limits is multiplied by the factor, and never none', () => {
    const { stranger, register } = limitsOf(readConfig({ RATE_LIMIT_FACTOR: '0.01' }));
    expect(stranger).toEqual({ rate: 1, burst: 1, period_ms: 60_000 });
    expect(register.burst).toBe(1);
    expect(limitsOf(readConfig({ RATE_LIMIT_FACTOR: '10' })).register.burst).toBe(50);
  });
});
