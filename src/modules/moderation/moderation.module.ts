import { LRUCache } from 'lru-cache';
import type { AuditTrail } from '#modules/audit/audit.events.ts';
import type { Database, Db } from '#platform/postgres/database.ts';
import type { Notifications } from '#platform/postgres/notifications.ts';
import { defaultRules } from './default-rules.ts';
import { createRecentTexts, type RecentText } from './facts.ts';
import { forgetDecisions } from './moderation.job.ts';
import {
  createDecisionStore,
  createRuleStore,
  createStrikeStore,
  purgeDecisions,
  RULES_CHANNEL,
} from './moderation.postgres.ts';
import { createRecords } from './moderation.records.ts';
import { createModerationService } from './moderation.service.ts';
import { createRuleBook } from './rule-book.ts';
import type { Rule } from './rule.ts';
import { defaultStrikePolicy, rememberedSince } from './strike.ts';

/** Pairs of author and room whose latest texts are remembered. */
const MOST_REMEMBERED = 20_000;
const LONGEST_REMEMBERED_MS = 600_000;

type Outside = {
  database: Database;
  notifications: Notifications;
  log: { warn(facts: object, said: string): void };
  auditOn: (db: Db) => AuditTrail;
  now: () => Date;
};

/** A new installation begins with rules; one whose rules were all removed stays without. */
const loadRules = async ({ database, now }: Outside): Promise<Rule[]> => {
  const rules = createRuleStore(database.db);
  const found = await rules.findMany();
  if (found.length > 0) return found;
  await database.inTransaction((db) => createRuleStore(db).insertFirst(defaultRules, now()));
  return rules.findMany();
};

const openBook = (outside: Outside) => {
  const { notifications, log } = outside;
  const book = createRuleBook({
    load: () => loadRules(outside),
    isAlive: () => notifications.isAlive(),
    log,
  });
  notifications.on(RULES_CHANNEL, () => book.forget());
  notifications.onGap(() => book.forget());
  return book;
};

const openRecent = () =>
  createRecentTexts(
    new LRUCache<string, readonly RecentText[]>({
      max: MOST_REMEMBERED,
      ttl: LONGEST_REMEMBERED_MS,
    }),
  );

export const createModerationModule = (outside: Outside) => {
  const { database, auditOn, now } = outside;
  const { db } = database;
  const policy = defaultStrikePolicy;
  const book = openBook(outside);
  const moderationOn = (db: Db) =>
    createRecords({
      decisions: createDecisionStore(db),
      strikes: createStrikeStore(db),
      policy,
      now,
    });
  const service = createModerationService({
    book,
    recent: openRecent(),
    rules: createRuleStore(db),
    decisions: createDecisionStore(db),
    strikes: createStrikeStore(db),
    inTransaction: (work) =>
      database.inTransaction((db) =>
        work({ rules: createRuleStore(db), records: moderationOn(db), audit: auditOn(db) }),
      ),
    policy,
    now,
  });
  const purge = () =>
    purgeDecisions(db, { now: now(), strikes_since: rememberedSince(policy, now()) });
  return {
    service,
    /** Decisions and strikes that join the transaction they are written in. */
    moderationOn,
    jobs: [forgetDecisions(purge)],
    /** Reads the rules before the first text comes; when it fails, that text has them read. */
    warm: (): void => void book.of('message').catch(() => undefined),
  };
};
