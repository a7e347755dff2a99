import { LRUCache } from 'lru-cache';
import type { AuditTrail } from '#modules/audit/audit.events.ts';
import type { Database, Db } from '#platform/postgres/database.ts';
import type { Notifications } from '#platform/postgres/notifications.ts';
import { defaultRules } from './default-rules.ts';
import { createRecentTexts, type RecentText } from './facts.ts';
import {
  createDecisionStore,
  createRuleStore,
  createStrikeStore,
  RULES_CHANNEL,
} from './moderation.postgres.ts';
import { createRecords } from './moderation.records.ts';
import { createModerationService } from './moderation.service.ts';
import { createRuleBook } from './rule-book.ts';
import type { Rule } from './rule.ts';
import { defaultStrikePolicy } from './strike.ts';

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

export const createModerationModule = (outside: Outside) => {
  const { database, auditOn, now } = outside;
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
    recent: createRecentTexts(
      new LRUCache<string, readonly RecentText[]>({
        max: MOST_REMEMBERED,
        ttl: LONGEST_REMEMBERED_MS,
      }),
    ),
    rules: createRuleStore(database.db),
    decisions: createDecisionStore(database.db),
    strikes: createStrikeStore(database.db),
    inTransaction: (work) =>
      database.inTransaction((db) =>
        work({ rules: createRuleStore(db), records: moderationOn(db), audit: auditOn(db) }),
      ),
    policy,
    now,
  });
  return {
    service,
    /** Decisions and strikes that join the transaction they are written in. */
    moderationOn,
    /** Reads the rules before the first text comes; when it fails, that text has them read. */
    warm: (): void => void book.of('message').catch(() => undefined),
  };
};
