import { isIPv6 } from 'node:net';

/** What counts as one address: an IPv6 caller has a whole /64 to choose from. */
export const networkOf = (address: string): string => {
  if (!isIPv6(address)) return address;
  if (address.startsWith('::ffff:')) return address.slice(7);
  const [head = '', tail = ''] = address.split('::');
  const front = head.split(':').filter(Boolean);
  const back = tail.split(':').filter(Boolean);
  const groups = [
    ...front,
    ...Array.from({ length: 8 - front.length - back.length }, () => '0'),
    ...back,
  ];
  return groups.slice(0, 4).join(':');
};
