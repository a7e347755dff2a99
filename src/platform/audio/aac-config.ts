import { boxAt, findMoov } from './moov-first.ts';

const descriptor = { stream: 3, decoder: 4, configuration: 5 };
/** Bytes of their own before the descriptors they hold (ISO/IEC 14496-1 §7.2.6.5, §7.2.6.6). */
const fieldBytes: Record<number, number> = { [descriptor.stream]: 3, [descriptor.decoder]: 13 };
const parametricStereo = 29;

/**
 * The channels of the AAC in an MP4: its AudioSpecificConfig tells (ISO/IEC 14496-3 §1.6.2.1), where
 * the sample entry says two for mono as well. Undefined for other codecs.
 */
export const aacChannels = async (file: Blob): Promise<number | undefined> => {
  const moov = await findMoov(file);
  if (!moov) return undefined;
  const tables = Buffer.from(await file.slice(moov.start, moov.end).arrayBuffer());
  const esds = tables.indexOf('esds', 0, 'latin1') - 4;
  if (esds < 0) return undefined;
  const { body, end } = boxAt(tables, esds, tables.length);
  const config = configurationIn(tables.subarray(body + 4, end));
  return config === undefined ? undefined : channelsOf(config);
};

const configurationIn = (descriptors: Buffer): number | undefined => {
  let offset = 0;
  while (offset + 2 < descriptors.length) {
    const tag = descriptors.readUInt8(offset++);
    while ((descriptors[offset++] ?? 0) > 0x7f);
    if (tag === descriptor.configuration) {
      return offset + 2 <= descriptors.length ? descriptors.readUInt16BE(offset) : undefined;
    }
    const fields = fieldBytes[tag];
    if (fields === undefined) return undefined;
    offset += fields;
  }
  return undefined;
};

/** Five bits of object type, four of sampling rate, four of channels: 7 means eight, 0 that they are told elsewhere. */
const channelsOf = (config: number): number | undefined => {
  if (config >>> 11 === parametricStereo) return 2;
  const channels = (config >>> 3) & 15;
  if (channels === 0 || channels > 7) return undefined;
  return channels === 7 ? 8 : channels;
};
