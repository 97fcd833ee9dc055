export { isTarHeader } from "./block.ts";
export {
  BLOCK_BYTES,
  paddingBytes,
  TAR_LIMITS,
  type TarEntry,
  TarError,
  type TarHeader,
  type TarKind,
  type TarLimits,
  type TarSegment,
} from "./entry.ts";
export { paddedSize, type ReadTarOptions, readTar, type TarMember } from "./reader.ts";
export { TarScanner, type TarToken } from "./scanner.ts";
export { encodeHeader, padding, TAR_END, type TarHeaderInput } from "./writer.ts";
