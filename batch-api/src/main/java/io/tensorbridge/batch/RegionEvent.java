package io.tensorbridge.batch;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** Shared memory of a client was mapped or unmapped. */
@Name("io.tensorbridge.Region")
@Label("Region")
@Description("Shared memory of a client was mapped or unmapped")
@Category("Tensorbridge")
@StackTrace(false)
final class RegionEvent extends Event {
  @Label("Client")
  @Description("The client's number at this server, from 1")
  long client;

  @Label("Region")
  @Description("The id that the client gave it")
  long region;

  @Label("Change")
  @Description("registered or released")
  String change = "";

  @Label("Bytes")
  @DataAmount
  long bytes;

  @Label("Access")
  @Description("What the server may do with it: READ, READWRITE or FILE")
  String access = "";

  static void commit(long client, int region, String change, long bytes, String access) {
    RegionEvent event = new RegionEvent();
    if (event.shouldCommit()) {
      event.client = client;
      event.region = Integer.toUnsignedLong(region);
      event.change = change;
      event.bytes = bytes;
      event.access = access;
      event.commit();
    }
  }
}
