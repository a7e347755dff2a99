import { defaultRules } from '../src/modules/moderation/default-rules.ts';
import { compileRules, review } from '../src/modules/moderation/review.ts';
import type { Rule } from '../src/modules/moderation/rule.ts';

const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 2);
const ROUNDS = 3;

const texts: Record<string, string> = {
  'French, nothing found':
    'Salut tout le monde, la prod de hier est vraiment très belle, la basse à 2:35 me plaît — à demain !',
  'English, nothing found':
    'Hello everyone, the mix of last night is really good, I love the bassline at 2:35, see you tomorrow',
  'with a link and mentions':
    'Écoute ça @nina @moussa : https://veza.app/tracks/42, et dis-moi si la fin est trop longue, merci !!',
  'with insults in disguise':
    'quel c0nnard, f.u.c.k this, c o n n a r d, shiiiit, p*te et ѕhіt, mais le reste du mix est très bon',
  'of letters set apart': 'a b c d e f g h i j k l m n o p q r s t u v w x y z '.repeat(2),
};

const rules = compileRules(
  defaultRules.map((rule, at): Rule => ({ ...rule, id: at + 1, version: 1 })),
  'message',
);

/** Of the time this thread had a processor: neighbours on the machine do not count. */
const perSecond = (text: string): number => {
  const before = process.threadCpuUsage();
  const began = performance.now();
  let reviewed = 0;
  for (; performance.now() - began < SECONDS * 1000; reviewed += 1) review(text, { rules });
  const { user, system } = process.threadCpuUsage(before);
  return Math.round((reviewed * 1_000_000) / (user + system));
};

for (const [name, text] of Object.entries(texts)) {
  const shown = text.slice(0, 100);
  perSecond(shown);
  const best = Math.max(...Array.from({ length: ROUNDS }, () => perSecond(shown)));
  console.log(`${name}: ${best} texts of ${shown.length} characters a second of CPU`);
}
