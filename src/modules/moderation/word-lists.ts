import leoProfanity from 'leo-profanity';
import { normalise } from './normalise.ts';
import type { Language } from './rule.ts';

/**
 * Words of the library's lists that are said on a platform for music without insulting anyone: genres,
 * techniques and parts of instruments, names of artists and works, body and love, words that mean something
 * else in the other language, and those that accents tell apart.
 */
const harmless: Record<Language, string> = {
  en: `2g1c anal anus ass autoerotic babeland bareback barenaked bastinado bbw bdsm birdlock bondage boner boob
    boobs busty butt clitoris cock cocks coon coons cornhole cum darkie dick dolcett domination dominatrix
    dvda ecchi ejaculation erotic erotism escort eunuch fecal femdom figging fingering frotting genitals
    gokkun grope guro hardcore hentai homoerotic honkey hooker humping incest intercourse juggs kinbaku kinky
    kinkster knobbing lolita lovemaking negro nipple nipples nude nudity nympho octopussy omorashi orgasm orgy
    paki panties panty penis playboy poof poon pubes rape rectum sadism santorum scat scissoring semen sex sexo
    sexy shibari shota shrimping skeet snatch snowballing sodomy spic splooge spooge spunk strappado suck sucks
    swastika swinger threesome throating tit topless tosser twink twinkie undressing vagina vibrator voyeur
    vulva xx xxx yaoi yiffy`,
  fr: `andouille avorton barbeau cafre chleuh gdm negro ntm beauf bite bordel bouffon bougre bouseux branque cacou caldoche chachar chauffard
    chier chieur coche con cons conne counifle courtaud cretin crevard crevure cricri crotte crouton cul debile
    demerder drouille emmanche empafe enflure epais espingoin flure fouteur foutre fritz fumier garce gaupe gland
    godon gogol goi gourde guindoule kikoo kikou kraut lacheux lavette magot manche marchandot margouilliste
    mauviette merdeux michto minable minus miserable moinaille moins-que-rien monacaille nase naze niaiseux
    niquer nique panoufle patarin pd pecque pedale peteux pet pignouf pimbeche pisseux pissou pleutre plouc
    porcas pouf pounde pourriture punaise putin queutard raclure raton ripopee robespierrot rosbif roulure sale
    schnock schnoc sottiseux stearique tapette tebe teteux tocard trainee vaurien vier viedase yeule zguegue`,
};

/** What the library's lists lack. A phrase is found across any space or sign between its words. */
const ours: Record<Language, string> = {
  en: `asshat, assholes, assclown, bastards, bitchass, blowjobs, bullshitter, cocksucker, cocksuckers, cuntface, cunts,
    dickhead, dickheads, dipshit, douchebag, douchebags, dumbass, dumbfuck, dumbshit, faggots, fag, fags, fucker,
    fuckers, fuckface, fucks, fuckwit, jackass, jerkoff, motherfuckers, motherfucking, niggers, niggas, pisshead,
    prick, pricks, scumbag, scumbags, shithead, shitheads, shitface, sluts, stfu, twats, wanker, wankers,
    whore, whores, eat shit, go to hell, kill yourself, kys, piece of shit, shut the fuck up, son of a bitch,
    suck my dick, you dick`,
  fr: `abrutis, batards, bouffonne, branleurs, connards, connasses, couillons, debiles mentaux, enculee, enculees, encules,
    enculeurs, enfoires, fils de chien, fils de pute, fils de putain, fiottes, gros con, grosse conne, grosse merde,
    grosse vache, merdes, merdique, nique ta mere, nique ta race, petit con, petasses, pauvre con, pauvre conne,
    pauvre merde, pauvre type, pourriture humaine, pouffiasses, putains, putes, sale con, sale conne,
    sale chien, sale pute, sale race, salauds, salopes, salopards, ta gueule, tas de merde, trou du cul,
    va chier, va crever, va te faire foutre, va te faire enculer, espece de con, espece de debile,
    espece de cretin, bande de cons, casse les couilles, ferme ta gueule, suce ma bite`,
};

const fold = (word: string): string => normalise(word).text;

/** Spellings with signs and digits are left out: whatever reads a text turns those into letters itself. */
const ofLibrary = (language: Language): string[] => {
  const left = new Set(harmless[language].split(/\s+/));
  return leoProfanity
    .getDictionary(language)
    .filter((word) => /^[\p{L}' -]+$/u.test(word))
    .map(fold)
    .filter((word) => !left.has(word));
};

const read = (language: Language): readonly string[] => [
  ...new Set([...ofLibrary(language), ...ours[language].split(',').map((word) => word.trim())]),
];

const lists = new Map<Language, readonly string[]>();

/** Insults of a language, in small letters without accents; words of several parts are phrases. */
export const wordsOf = (language: Language): readonly string[] => {
  const known = lists.get(language) ?? read(language);
  lists.set(language, known);
  return known;
};
