package io.tensorbridge.arrow.flight;

import io.tensorbridge.BridgeClosedException;
import java.util.stream.Collectors;

/**
 * Where a process of the same user finds a table without the network: {@code
 * {"pieces":[{"path":"/proc/PID/fd/N","bytes":N}, ...]}}. Each piece is an IPC stream, to be mapped
 * for reading; it is sealed against writing by others. It holds as long as the table is neither
 * replaced nor deleted. A table with dictionaries has no such pieces.
 */
final class LocalPieces {
  private LocalPieces() {}

  static String json(StoredTable table) {
    if (table.hasDictionaries()) {
      return "";
    }
    try {
      return new JsonText().raw("pieces", table.pieces().stream()
          .map(piece -> new JsonText()
              .with("path",
                  "/proc/" + ProcessHandle.current().pid() + "/fd/" + piece.slab().fd().number())
              .with("bytes", piece.byteLength())
              .text())
          .collect(Collectors.joining(",", "[", "]"))).text();
    } catch (BridgeClosedException deleted) {
      return "";
    }
  }
}
