/** `kind` holds what may not change from one frame to the next. */
type Frame = { kind: number; size_bytes: number };
type FrameReader = (head: Buffer, offset: number) => Frame | undefined;

const headerBytes = 7;
const bitratesV1 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const bitratesV2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
const samplingRates = [44_100, 48_000, 32_000];

/** MPEG 1, 2 or 2.5 layer III (ISO/IEC 11172-3 §2.4.1.3); free format has no length to check and is left out. */
const layerThreeFrame: FrameReader = (head, offset) => {
  if (offset + headerBytes > head.length) return undefined;
  const word = head.readUInt32BE(offset);
  const version = (word >>> 19) & 3;
  const isSync = word >>> 21 === 0x7ff && version !== 1 && ((word >>> 17) & 3) === 1;
  const kbps = (version === 3 ? bitratesV1 : bitratesV2)[(word >>> 12) & 15];
  const baseRate = samplingRates[(word >>> 10) & 3];
  if (!isSync || !kbps || !baseRate) return undefined;
  const rate = version === 3 ? baseRate : version === 2 ? baseRate / 2 : baseRate / 4;
  const padding = (word >>> 9) & 1;
  const size_bytes = Math.floor(((version === 3 ? 144_000 : 72_000) * kbps) / rate) + padding;
  return { kind: word & 0xfffe0c00, size_bytes };
};

/** ADTS header (ISO/IEC 13818-7 §6.2). */
const adtsFrame: FrameReader = (head, offset) => {
  if (offset + headerBytes > head.length) return undefined;
  const word = head.readUInt32BE(offset);
  const isSync = word >>> 20 === 0xfff && ((word >>> 17) & 3) === 0;
  const size_bytes = (head.readUIntBE(offset + 3, 3) >>> 5) & 0x1fff;
  if (!isSync || ((word >>> 10) & 15) > 12 || size_bytes <= headerBytes) return undefined;
  return { kind: word & 0xfffefdc0, size_bytes };
};

/** Two frames in a row that agree: a sync word alone is found in any noise. */
const beginsWith = (read: FrameReader, head: Buffer, offset: number): boolean => {
  const first = read(head, offset);
  return first !== undefined && read(head, offset + first.size_bytes)?.kind === first.kind;
};

export const isMp3 = (head: Buffer, offset = 0): boolean =>
  beginsWith(layerThreeFrame, head, offset);

/** AAC without a container. */
export const isAdts = (head: Buffer, offset = afterId3(head) ?? 0): boolean =>
  beginsWith(adtsFrame, head, offset);

/** Where the ID3v2 tag at the start ends (id3.org, ID3v2.4 §3.1); undefined when there is none. May lie behind the head. */
export const afterId3 = (head: Buffer): number | undefined => {
  if (head.length < 10 || head.toString('latin1', 0, 3) !== 'ID3') return undefined;
  const version = head.readUInt8(3);
  const size = head.subarray(6, 10);
  if (version < 2 || version > 4 || size.some((byte) => byte > 0x7f)) return undefined;
  const body = size.reduce((total, byte) => total * 128 + byte, 0);
  const footer = version === 4 && (head.readUInt8(5) & 0x10) !== 0 ? 10 : 0;
  return 10 + body + footer;
};
