import type { PcmLayout } from './pcm.ts';

type Chunk = { id: string; start: number; end: number };
export type AiffSound = { sound: Blob; layout: PcmLayout };

const bigEndian: Record<number, PcmLayout['read']> = {
  1: (samples, at) => samples.getInt8(at) / 0x80,
  2: (samples, at) => samples.getInt16(at) / 0x8000,
  3: (samples, at) => ((samples.getInt16(at) << 8) | samples.getUint8(at + 2)) / 0x800000,
  4: (samples, at) => samples.getInt32(at) / 0x80000000,
};
const littleEndian: Record<number, PcmLayout['read']> = {
  ...bigEndian,
  2: (samples, at) => samples.getInt16(at, true) / 0x8000,
};
const float: Record<number, PcmLayout['read']> = {
  4: (samples, at) => samples.getFloat32(at),
};
const readers: Record<string, Record<number, PcmLayout['read']>> = {
  NONE: bigEndian,
  twos: bigEndian,
  sowt: littleEndian,
  fl32: float,
  FL32: float,
};

/** The samples of an AIFF or AIFF-C file and how to read them; undefined for compressed ones. (Apple, AIFF-C, 1991.) */
export const aiffSound = async (file: Blob): Promise<AiffSound | undefined> => {
  const chunks = await chunksOf(file);
  const common = chunks.get('COMM');
  const sound = chunks.get('SSND');
  if (!common || !sound) return undefined;
  const fields = await read(file, common.start, Math.min(common.end, common.start + 22));
  if (fields.length < 18) return undefined;
  const channels = fields.readUInt16BE(0);
  const sample_bytes = Math.ceil(fields.readUInt16BE(6) / 8);
  const encoding = fields.length < 22 ? 'NONE' : fields.toString('latin1', 18, 22);
  const sample = readers[encoding]?.[sample_bytes];
  if (!sample || channels === 0) return undefined;
  const offset = (await read(file, sound.start, sound.start + 4)).readUInt32BE(0);
  return {
    sound: file.slice(sound.start + 8 + offset, sound.end),
    layout: { channels, sample_bytes, read: sample },
  };
};

/** The first chunk of each id; one that claims more than there is ends with the file. */
const chunksOf = async (file: Blob): Promise<Map<string, Chunk>> => {
  const chunks = new Map<string, Chunk>();
  let offset = 12;
  while (offset + 8 <= file.size) {
    const header = await read(file, offset, offset + 8);
    const [id, size] = [header.toString('latin1', 0, 4), header.readUInt32BE(4)];
    const start = offset + 8;
    if (!chunks.has(id)) chunks.set(id, { id, start, end: Math.min(start + size, file.size) });
    offset = start + size + (size % 2);
  }
  return chunks;
};

const read = async (file: Blob, start: number, end: number): Promise<Buffer> =>
  Buffer.from(await file.slice(start, end).arrayBuffer());
