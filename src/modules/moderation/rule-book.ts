import { withDeadline } from '#kernel/deadline.ts';
import type { RuleBook } from './moderation.ports.ts';
import { type CompiledRules, compileRules } from './review.ts';
import type { Rule, Scope } from './rule.ts';

const LONGEST_KNOWN_MS = 60_000;
/** When changes may go unheard, or reading has just failed. */
const SHORTEST_KNOWN_MS = 1000;
/** Whoever comes first reads for all, however little time they have left themselves. */
const LONGEST_READ_MS = 2000;
/** Of `known_until`: rules have changed since they were read, or since reading began. */
const FORGOTTEN = Number.NEGATIVE_INFINITY;

type Deps = {
  load: () => Promise<Rule[]>;
  /** Whether changes are heard of. */
  isAlive: () => boolean;
  log: { warn(facts: object, said: string): void };
};

type Pages = { rules: readonly Rule[]; compiled: Map<Scope, CompiledRules>; read_at: number };

const pageOf = ({ rules, compiled }: Pages, scope: Scope): CompiledRules => {
  const known = compiled.get(scope) ?? compileRules(rules, scope);
  compiled.set(scope, known);
  return known;
};

/**
 * Rules are read once, again when they have changed, and at latest every minute. While they cannot be read
 * those from before hold; without any, the text is refused with whatever kept them from being read.
 */
export const createRuleBook = ({ load, isAlive, log }: Deps): RuleBook => {
  let pages: Pages | undefined;
  let reading: Promise<Pages> | undefined;
  let known_until = FORGOTTEN;

  const read = async (): Promise<Pages> => {
    known_until = Number.POSITIVE_INFINITY;
    try {
      const rules = await withDeadline(LONGEST_READ_MS, load);
      pages = { rules, compiled: new Map(), read_at: performance.now() };
      known_until = Math.min(known_until, pages.read_at + LONGEST_KNOWN_MS);
      return pages;
    } catch (fault) {
      known_until = performance.now() + SHORTEST_KNOWN_MS;
      if (!pages) throw fault;
      log.warn({ err: fault }, 'moderation rules could not be read');
      return pages;
    } finally {
      reading = undefined;
    }
  };

  const isKnown = (known: Pages): boolean => {
    const now = performance.now();
    return now < known_until && (isAlive() || now < known.read_at + SHORTEST_KNOWN_MS);
  };

  return {
    async of(scope) {
      if (pages && !reading && isKnown(pages)) return pageOf(pages, scope);
      if (reading && known_until === FORGOTTEN) await reading.catch(() => undefined);
      reading ??= read();
      return pageOf(await reading, scope);
    },
    forget() {
      known_until = FORGOTTEN;
    },
  };
};
