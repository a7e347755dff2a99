import { LinkifyIt } from 'linkify-it';
import { parse } from 'tldts';
import type { Facts } from './facts.ts';
import { type Finding, findingOf, type LinkSettings, type RuleOf } from './rule.ts';

const HOUR_MS = 3_600_000;
const MOST_LINKS = 100;

/** Domains without a scheme may end in anything that the public suffix list knows. */
const links = new LinkifyIt({
  fuzzyLink: true,
  fuzzyEmail: false,
  urlAuth: true,
  tlds: ['[a-z]{2,24}', 'xn--[a-z0-9-]{2,59}', 'рф'],
});

type Link = { start: number; end: number; host: string; domain: string };

const hostsOf = (url: string, isWritten: boolean): Pick<Link, 'host' | 'domain'> | undefined => {
  const { hostname, domain, isIcann, isIp } = parse(url);
  if (hostname === null || !(isWritten || isIcann || isIp)) return undefined;
  return { host: hostname, domain: domain ?? hostname };
};

/** Cheaper than looking, and true of every text with a link: two slashes, or a dot and what a domain ends in. */
const mayHaveLinks = (text: string): boolean => /\/\/|\.[\p{L}\d-]{2}/u.test(text);

/** Addresses as a browser or a chat client would make them links. */
const linksIn = (text: string): Link[] => {
  if (!mayHaveLinks(text)) return [];
  return (links.match(text) ?? [])
    .slice(0, MOST_LINKS)
    .map(({ index, lastIndex, url, schema }) => {
      const hosts = hostsOf(url, schema !== '');
      return hosts && { start: index, end: lastIndex, ...hosts };
    })
    .filter((link) => link !== undefined);
};

/** Whether the address is on one of the domains, or below it. */
const isOn = ({ host, domain }: Link, domains: readonly string[]): boolean =>
  domains.some((each) => domain === each || host === each || host.endsWith(`.${each}`));

const isNew = ({ trusted_after_hours }: LinkSettings, { account_age_ms }: Facts): boolean =>
  account_age_ms !== undefined && account_age_ms < trusted_after_hours * HOUR_MS;

const findLinks = (rule: RuleOf<'link'>, links: readonly Link[], facts: Facts): Finding[] => {
  const { most, denied_domains, allowed_domains } = rule.settings;
  const found = links.filter((link) => !isOn(link, allowed_domains));
  const areAll = found.length > most || isNew(rule.settings, facts);
  return found
    .filter((link) => areAll || isOn(link, denied_domains))
    .map((link) => findingOf(rule, link));
};

/** Links to denied domains; all of a new account's; and all of them when they are too many. */
export const compileLinks =
  (rules: readonly RuleOf<'link'>[]) =>
  (text: string, facts: Facts): Finding[] => {
    const found = rules.length > 0 ? linksIn(text) : [];
    return found.length > 0 ? rules.flatMap((rule) => findLinks(rule, found, facts)) : [];
  };
