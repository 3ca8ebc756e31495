package io.tensorbridge.batch;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Enabled;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Threshold;

/** An item has run, for recordings that ask for it: there may be millions of them. */
@Name("io.tensorbridge.Item")
@Label("Item")
@Description("One item of a batch, from its begin to its end")
@Category("Tensorbridge")
@Enabled(false)
@Threshold("1 ms")
@StackTrace(false)
final class ItemEvent extends Event {
  private static final ItemEvent SWITCH = new ItemEvent();

  @Label("Client")
  @Description("The client's number at this server, from 1")
  long client;

  @Label("Batch")
  @Description("The id that the client gave it")
  long batch;

  @Label("Index")
  @Description("Which item of its batch, from 0")
  int index;

  @Label("Operation")
  String operation = "";

  @Label("Input bytes")
  @DataAmount
  long inputBytes;

  @Label("Output bytes")
  @DataAmount
  long outputBytes;

  @Label("Outcome")
  @Description("OK, NEEDS_SPACE, or why the item failed")
  String outcome = "";

  /** Whether a recording wants such events. */
  static boolean isWanted() {
    return SWITCH.isEnabled();
  }
}
