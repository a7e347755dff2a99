const headBytes = 65_536;
const unknownSize = 0xffffffff;

/**
 * RF64 and BW64 (EBU Tech 3306) as the plain RIFF they are below 4 GiB: the sizes that `ds64` holds
 * are written where RIFF has them. Anything else is given back as it is.
 */
export const asRiff = async (file: Blob): Promise<Blob> => {
  const head = Buffer.from(await file.slice(0, headBytes).arrayBuffer());
  if (!['RF64', 'BW64'].includes(head.toString('latin1', 0, 4))) return file;
  if (head.length < 36 || head.toString('latin1', 12, 16) !== 'ds64') return file;
  const data = findData(head);
  if (data === undefined) return file;
  head.write('RIFF', 0, 'latin1');
  head.writeUInt32LE(Math.min(file.size - 8, unknownSize), 4);
  if (head.readUInt32LE(data + 4) === unknownSize) {
    head.writeUInt32LE(head.readUInt32LE(28), data + 4);
  }
  return new Blob([head, file.slice(head.length)], { type: file.type });
};

const findData = (head: Buffer): number | undefined => {
  let offset = 12;
  while (offset + 8 <= head.length) {
    if (head.toString('latin1', offset, offset + 4) === 'data') return offset;
    const size = head.readUInt32LE(offset + 4);
    offset += 8 + size + (size % 2);
  }
  return undefined;
};
