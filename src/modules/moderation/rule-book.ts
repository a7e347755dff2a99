import type { RuleBook } from './moderation.ports.ts';
import { type CompiledRules, compileRules } from './review.ts';
import type { Rule, Scope } from './rule.ts';

const LONGEST_KNOWN_MS = 60_000;
/** When changes may go unheard, or reading has just failed. */
const SHORTEST_KNOWN_MS = 1000;

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
  let known_until = Number.NEGATIVE_INFINITY;

  const read = async (): Promise<Pages> => {
    known_until = Number.POSITIVE_INFINITY;
    try {
      pages = { rules: await load(), compiled: new Map(), read_at: performance.now() };
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
      reading ??= read();
      return pageOf(await reading, scope);
    },
    forget() {
      known_until = Number.NEGATIVE_INFINITY;
    },
  };
};
