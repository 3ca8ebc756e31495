package io.tensorbridge.batch;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** A client came or went. */
@Name("io.tensorbridge.Client")
@Label("Client")
@Description("A client came or went")
@Category("Tensorbridge")
@StackTrace(false)
final class ClientEvent extends Event {
  @Label("Client")
  @Description("The client's number at this server, from 1")
  long client;

  @Label("Change")
  @Description("connected or left")
  String change = "";

  @Label("Process")
  @Description("The client's process id, 0 if unknown")
  int pid;

  @Label("User")
  @Description("The client's user id")
  int uid;

  @Label("Reason")
  @Description("Why it left")
  String reason = "";

  static void commit(ClientWatch watch, String change, String reason) {
    ClientEvent event = new ClientEvent();
    if (event.shouldCommit()) {
      event.client = watch.id();
      event.change = change;
      event.pid = watch.pid();
      event.uid = watch.uid();
      event.reason = reason;
      event.commit();
    }
  }
}
