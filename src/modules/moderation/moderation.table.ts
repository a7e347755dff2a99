import { sql } from 'drizzle-orm';
import {
  boolean,
  check,
  index,
  integer,
  jsonb,
  pgTable,
  real,
  text,
  uniqueIndex,
  varchar,
} from 'drizzle-orm/pg-core';
import { usersTable } from '#modules/users/users.table.ts';
import { big, identity, instant } from '#platform/postgres/columns.ts';
import type { DecisionState } from './decision.ts';
import type { Action, Finding, Kind, Language, NewRule, Scope } from './rule.ts';

export const moderationRulesTable = pgTable(
  'moderation_rules',
  {
    id: identity(),
    name: varchar({ length: 100 }).notNull(),
    kind: text().$type<Kind>().notNull(),
    action: text().$type<Action>().notNull(),
    scopes: jsonb().$type<readonly Scope[]>().notNull(),
    language: text().$type<Language>(),
    settings: jsonb().$type<NewRule['settings']>().notNull(),
    score: real().notNull(),
    enabled: boolean().notNull(),
    version: integer().notNull().default(1),
    created_at: instant().notNull(),
    updated_at: instant().notNull(),
    /** Removed rules stay: decisions name them. */
    removed_at: instant(),
  },
  (t) => [
    uniqueIndex('idx_moderation_rules_name')
      .on(sql`lower(${t.name})`)
      .where(sql`${t.removed_at} is null`),
    check(
      'moderation_rules_kind_known',
      sql`${t.kind} in ('word', 'pattern', 'link', 'caps', 'repetition', 'mentions', 'flood')`,
    ),
    check(
      'moderation_rules_action_known',
      sql`${t.action} in ('allow', 'warn', 'censor', 'hold', 'block', 'mute', 'ban')`,
    ),
    check('moderation_rules_score_is_share', sql`${t.score} between 0 and 1`),
  ],
);

export const moderationDecisionsTable = pgTable(
  'moderation_decisions',
  {
    id: identity(),
    scope: text().$type<Scope>().notNull(),
    subject_kind: varchar({ length: 50 }).notNull(),
    subject_id: big(),
    author_id: big().references(() => usersTable.id),
    action: text().$type<Action>().notNull(),
    /** Of the findings; no foreign key, since they are many. */
    rule_ids: big().array().notNull(),
    findings: jsonb().$type<readonly Finding[]>().notNull(),
    state: text().$type<DecisionState>().notNull(),
    text: varchar({ length: 5000 }),
    decided_by: big().references(() => usersTable.id),
    created_at: instant().notNull(),
    decided_at: instant(),
  },
  (t) => [
    index('idx_moderation_decisions_held')
      .on(t.created_at.desc().nullsFirst(), t.id.desc().nullsFirst())
      .where(sql`${t.state} = 'held'`),
    index('idx_moderation_decisions_author').on(t.author_id, t.created_at.desc().nullsFirst()),
    index('idx_moderation_decisions_subject').on(t.subject_kind, t.subject_id),
    check(
      'moderation_decisions_state_known',
      sql`${t.state} in ('decided', 'held', 'released', 'rejected')`,
    ),
    check('moderation_decisions_held_has_text', sql`${t.state} <> 'held' or ${t.text} is not null`),
    check(
      'moderation_decisions_has_decider',
      sql`${t.state} in ('decided', 'held') = (${t.decided_by} is null)`,
    ),
  ],
);

export const moderationStrikesTable = pgTable(
  'moderation_strikes',
  {
    id: identity(),
    user_id: big()
      .notNull()
      .references(() => usersTable.id),
    weight: real().notNull(),
    at: instant().notNull(),
  },
  (t) => [
    index('idx_moderation_strikes_user').on(t.user_id, t.at),
    check('moderation_strikes_weight_positive', sql`${t.weight} > 0`),
  ],
);
