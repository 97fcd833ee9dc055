/**
 * The words that a BuildKit client and its engine exchange: protocol buffers in gRPC frames. Both ends are ours as well, so both
 * are here. All that is read may be hostile: lengths are bounded, unknown fields are skipped, what is malformed throws.
 */

export * from "./control.ts";
export { type FileTree, memoryTree, openFileTree, type TreeFilter } from "./file-tree.ts";
export { FrameDecoder, frame, MESSAGE_BYTES_MAX } from "./frames.ts";
export { formatGoMode, type GoKind, kindOfGoMode, parseGoMode } from "./go-mode.ts";
export * from "./messages.ts";
export { decodeMetadata, encodeMetadata, type Metadata } from "./metadata.ts";
export { decodePacket, encodePacket, type FileFacts, type Packet, PacketType } from "./packets.ts";
export { Fields, Writer } from "./proto.ts";
export { type PacketStream, sendFiles } from "./send-files.ts";
export { ENGINE_METHODS, GrpcError, GrpcStatus, METHODS } from "./services.ts";
export * from "./status.ts";
