import { z } from 'zod';
import { label } from '#kernel/fields.ts';
import { actions, languages, moderationErrors, scopes } from './rule.ts';
import { problemOf } from './matching.patterns.ts';

/** Why a text may not be kept, for the contracts of those who take texts. */
export const contentRefusals = [moderationErrors.contentBlocked];

const domain = z
  .string()
  .max(253)
  .regex(/^(?:[a-z0-9-]{1,63}\.)+[a-z0-9-]{2,63}$/, 'Must be a domain in small letters');

const pattern = z
  .string()
  .min(1)
  .max(500)
  .superRefine((written, ctx) => {
    const message = problemOf(written);
    if (message !== undefined) ctx.addIssue({ code: 'custom', message });
  });

const window = { within_seconds: z.int().min(1).max(600) };

const common = {
  name: label(1, 100),
  action: z.enum(actions),
  scopes: z.array(z.enum(scopes)).min(1).max(scopes.length),
  language: z.enum(languages).nullable().default(null),
  score: z.number().min(0).max(1).default(1).describe('How sure a finding is'),
  enabled: z.boolean().default(true),
};

const settings = {
  word: z.strictObject({
    words: z.array(label(2, 100)).max(5000).default([]),
    lists: z.array(z.enum(languages)).max(languages.length).default([]),
    match: z.enum(['word', 'part']).default('word'),
  }),
  pattern: z.strictObject({
    pattern: pattern.describe('RE2 syntax, without regard to case'),
    on: z.enum(['written', 'normalised']).default('normalised'),
  }),
  link: z.strictObject({
    most: z.int().min(0).max(1000).default(1000),
    denied_domains: z.array(domain).max(5000).default([]),
    allowed_domains: z.array(domain).max(5000).default([]),
    trusted_after_hours: z.int().min(0).max(8760).default(0),
  }),
  caps: z.strictObject({
    least_letters: z.int().min(1).max(4000).default(30),
    share: z.number().min(0.1).max(1).default(0.9),
  }),
  repetition: z.strictObject({
    most_characters: z.int().min(2).max(4000).default(60),
    most_words: z.int().min(1).max(4000).default(20),
    most_marks: z.int().min(2).max(1000).default(6),
    most_messages: z.int().min(1).max(1000).default(3),
    ...window,
  }),
  mentions: z.strictObject({ most: z.int().min(0).max(1000) }),
  flood: z.strictObject({ most: z.int().min(1).max(50), ...window }),
};

const ofKind = <K extends keyof typeof settings>(kind: K) =>
  z.strictObject({ ...common, kind: z.literal(kind), settings: settings[kind] });

/** A rule as an administrator writes it. */
export const newRule = z.discriminatedUnion('kind', [
  ofKind('word'),
  ofKind('pattern'),
  ofKind('link'),
  ofKind('caps'),
  ofKind('repetition'),
  ofKind('mentions'),
  ofKind('flood'),
]);
