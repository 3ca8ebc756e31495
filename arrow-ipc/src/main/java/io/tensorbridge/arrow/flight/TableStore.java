package io.tensorbridge.arrow.flight;

import io.grpc.Status;
import io.tensorbridge.Lease;
import io.tensorbridge.file.TensorNames;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/** The tables of a server by name; thread-safe. */
final class TableStore implements AutoCloseable {
  private static final String HOLDER = "Flight client";

  private final SlabPool pool;
  private final SortedMap<String, StoredTable> tables = new TreeMap<>();
  private boolean closed;

  TableStore(SlabPool pool) {
    this.pool = pool;
  }

  /**
   * A table that stays where it is while it is read.
   *
   * @param table what is read
   * @param leases one on each slab
   */
  record Reading(StoredTable table, List<Lease> leases) implements AutoCloseable {
    @Override
    public void close() {
      leases.forEach(Lease::close);
    }
  }

  /** Keeps a table, instead of an older one of that name. */
  synchronized void put(String name, StoredTable table) {
    if (closed) {
      giveBack(table);
      throw Status.UNAVAILABLE.withDescription("the server ends").asRuntimeException();
    }
    StoredTable older = tables.put(name, table);
    if (older != null) {
      giveBack(older);
    }
  }

  /** Gives a table up; its memory is used again when nobody reads it. */
  synchronized void delete(String name) {
    StoredTable table = get(name);
    tables.remove(name);
    giveBack(table);
  }

  private void giveBack(StoredTable table) {
    table.pieces().forEach(piece -> pool.giveBack(piece.slab()));
  }

  /**
   * The table with a name.
   *
   * @throws io.grpc.StatusRuntimeException {@code NOT_FOUND} with the nearest names
   */
  synchronized StoredTable get(String name) {
    StoredTable table = tables.get(name);
    if (table == null) {
      throw Status.NOT_FOUND.withDescription("no table is named \"" + name + "\"; "
          + (tables.isEmpty()
              ? "the server has none, put one first"
              : "the nearest names are "
                  + String.join(", ", TensorNames.nearest(name, tables.keySet()))))
          .asRuntimeException();
    }
    return table;
  }

  /** The table with a name, to be read until the reading is closed. */
  synchronized Reading open(String name) {
    StoredTable table = get(name);
    List<Lease> leases = new ArrayList<>();
    table.pieces().forEach(piece -> leases.add(piece.slab().region().lease(HOLDER)));
    return new Reading(table, leases);
  }

  synchronized List<String> names() {
    return List.copyOf(tables.keySet());
  }

  @Override
  public synchronized void close() {
    closed = true;
    tables.values().forEach(this::giveBack);
    tables.clear();
  }
}
