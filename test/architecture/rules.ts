import type { IRegularForbiddenRuleType } from 'dependency-cruiser';

type Planted = { path: string; code: string };

type Rule = IRegularForbiddenRuleType & {
  name: string;
  /** A module that breaks this rule and no other: what the rule is tried with. */
  planted: Planted & { beside?: Planted };
};

const waysIn = '^src/modules/.+[.](?:router|http|ws|grpc|consumer|job)[.]ts$';
const waysOut = '^src/modules/.+[.](?:table|postgres|redis|nats)[.]ts$';
const assemblies = '^src/modules/.+[.]module[.]ts$';
const edges = [waysIn, waysOut, assemblies];

/** `app.ts` and whatever else stands at the top of `src`. */
const top = '^src/[^/]+[.]ts$';

/** Arithmetic, text and the like: packages that do nothing but compute. */
const purePackages = [
  'zod',
  'fractional-indexing',
  'leo-profanity',
  'linkify-it',
  're2js',
  'tldts',
];

export const rules: Rule[] = [
  {
    name: 'every import leads somewhere',
    from: {},
    to: { couldNotResolve: true },
    planted: { path: 'src/api/lost.ts', code: `import '#kernel/lost-and-never-found.ts';` },
  },
  {
    name: 'no cycles',
    from: {},
    to: { circular: true },
    planted: {
      path: 'src/kernel/cycle-begins.ts',
      code: `import type { End } from './cycle-ends.ts'; export type Begin = End[];`,
      beside: {
        path: 'src/kernel/cycle-ends.ts',
        code: `import type { Begin } from './cycle-begins.ts'; export type End = Begin[];`,
      },
    },
  },
  {
    name: 'the core knows no adapter',
    from: { path: '^src/modules/', pathNot: edges },
    to: { path: [waysIn, waysOut, '^src/(?:api|platform|client|grpc-client|commands)/', top] },
    planted: {
      path: 'src/modules/tracks/tracks.planted.ts',
      code: `import type { Jobs } from '#platform/jobs.ts'; export type Planted = Jobs;`,
    },
  },
  {
    name: 'the core knows no framework but Zod',
    from: { path: '^src/(?:kernel|modules)/', pathNot: edges },
    to: { path: 'node_modules/', pathNot: `node_modules/(?:${purePackages.join('|')})/` },
    planted: { path: 'src/kernel/framework.ts', code: `import 'fastify';` },
  },
  {
    name: 'ways in never touch ways out',
    from: { path: waysIn },
    to: { path: waysOut },
    planted: {
      path: 'src/modules/tracks/planted.router.ts',
      code: `import { createTrackReads } from './tracks.postgres.ts'; createTrackReads;`,
    },
  },
  {
    name: 'modules meet only in contracts and events',
    from: { path: '^src/modules/([^/]+)/' },
    to: {
      path: '^src/modules/',
      pathNot: ['^src/modules/$1/', '[.](?:contract|events|table)[.]ts$', assemblies],
    },
    planted: {
      path: 'src/modules/tracks/meeting.ts',
      code: `import type { Account } from '#modules/users/user.ts'; export type Planted = Account;`,
    },
  },
  {
    name: 'tables of other modules are for tables and stores',
    from: { path: '^src/modules/([^/]+)/', pathNot: '[.](?:table|postgres)[.]ts$' },
    to: { path: '[.]table[.]ts$', pathNot: '^src/modules/$1/' },
    planted: {
      path: 'src/modules/tracks/tables.module.ts',
      code: `import { usersTable } from '#modules/users/users.table.ts'; usersTable;`,
    },
  },
  {
    name: 'modules are put together in app.ts alone',
    from: { pathNot: '^src/app[.]ts$' },
    to: { path: assemblies },
    planted: {
      path: 'src/modules/auth/neighbour.module.ts',
      code: `import '#modules/users/users.module.ts';`,
    },
  },
  {
    name: 'the kernel knows nobody',
    from: { path: '^src/kernel/' },
    to: { path: '^src/', pathNot: '^src/kernel/' },
    planted: { path: 'src/kernel/acquainted.ts', code: `import '#platform/logger.ts';` },
  },
  {
    name: 'api and platform know no module',
    from: { path: '^src/(?:api|platform)/' },
    to: { path: ['^src/(?:modules|client|grpc-client|commands)/', top] },
    planted: {
      path: 'src/platform/acquainted.ts',
      code: `import { tracksContract } from '#modules/tracks/tracks.contract.ts'; tracksContract;`,
    },
  },
  {
    name: 'platform knows no api',
    from: { path: '^src/platform/' },
    to: { path: '^src/api/' },
    planted: { path: 'src/platform/upside-down.ts', code: `import '#api/etag.ts';` },
  },
  {
    name: 'Drizzle is for tables and stores',
    from: {
      path: '^src/',
      pathNot: [
        '^src/(?:modules|platform)/.+[.](?:table|postgres)[.]ts$',
        '^src/platform/(?:postgres/.+|idempotency-keys|jobs)[.]ts$',
      ],
    },
    to: { path: 'node_modules/drizzle-orm/' },
    planted: {
      path: 'src/modules/tracks/drizzling.router.ts',
      code: `import { sql } from 'drizzle-orm'; sql;`,
    },
  },
  {
    name: 'the client for services knows definitions alone',
    from: { path: '^src/grpc-client/' },
    to: {
      pathNot: [
        '^src/(?:grpc-client|proto)/',
        'node_modules/(?:@bufbuild/protobuf|@grpc/grpc-js)/',
      ],
      dependencyTypesNot: ['core'],
    },
    planted: {
      path: 'src/grpc-client/curious.ts',
      code: `import { sharedErrors } from '#kernel/errors.ts'; sharedErrors;`,
    },
  },
  {
    name: 'of the server the client knows types alone',
    from: { path: '^src/client/' },
    to: {
      pathNot: ['^src/client/', 'node_modules/@trpc/(?:client|server)/'],
      dependencyTypesNot: ['type-only'],
    },
    planted: {
      path: 'src/client/curious.ts',
      code: `import { sharedErrors } from '#kernel/errors.ts'; sharedErrors;`,
    },
  },
];
