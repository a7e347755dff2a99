type Box = { type: string; body: number; end: number };
export type Moov = { start: number; end: number; after_samples: boolean };

const containers = new Set(['moov', 'trak', 'mdia', 'minf', 'stbl']);

/**
 * An MP4 whose sample tables come before its samples (ISO/IEC 14496-12 §8), so that it can be
 * decoded while it is read: a `moov` at the end is repeated at the start, its offsets moved.
 */
export const moovFirst = async (file: Blob): Promise<Blob> => {
  const moov = await findMoov(file);
  if (!moov?.after_samples) return file;
  const tables = Buffer.from(await file.slice(moov.start, moov.end).arrayBuffer());
  moveOffsets(tables, 0, tables.length);
  return new Blob([tables, file], { type: file.type });
};

export const findMoov = async (file: Blob): Promise<Moov | undefined> => {
  let after_samples = false;
  let start = 0;
  while (start + 8 <= file.size) {
    const header = Buffer.from(await file.slice(start, start + 16).arrayBuffer());
    const { type, end } = boxAt(header, 0, file.size - start);
    if (type === 'moov') return { start, end: start + end, after_samples };
    after_samples ||= type === 'mdat';
    start += end;
  }
  return undefined;
};

/** A box that claims less than its header or more than there is ends with what surrounds it. */
export const boxAt = (bytes: Buffer, start: number, limit: number): Box => {
  const short = bytes.readUInt32BE(start);
  const isLong = short === 1 && start + 16 <= bytes.length;
  const size = isLong ? Number(bytes.readBigUInt64BE(start + 8)) : short;
  const header = isLong ? 16 : 8;
  const end = size < header ? limit : Math.min(start + size, limit);
  return { type: bytes.toString('latin1', start + 4, start + 8), body: start + header, end };
};

const moveOffsets = (tables: Buffer, start: number, limit: number): void => {
  for (let offset = start; offset + 8 <= limit;) {
    const box = boxAt(tables, offset, limit);
    if (containers.has(box.type)) moveOffsets(tables, box.body, box.end);
    if (box.type === 'stco' || box.type === 'co64') moveTable(tables, box);
    offset = box.end;
  }
};

/** Version and flags, a count, then the entries (§8.7.5). */
const moveTable = (tables: Buffer, { type, body, end }: Box): void => {
  const width = type === 'co64' ? 8 : 4;
  for (let at = body + 8; at + width <= end; at += width) {
    if (width === 8) {
      tables.writeBigUInt64BE(tables.readBigUInt64BE(at) + BigInt(tables.length), at);
    } else tables.writeUInt32BE((tables.readUInt32BE(at) + tables.length) >>> 0, at);
  }
};
