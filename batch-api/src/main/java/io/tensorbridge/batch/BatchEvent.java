package io.tensorbridge.batch;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Timespan;

/** A batch has run; the event begins when its submission was taken, or refused. */
@Name("io.tensorbridge.Batch")
@Label("Batch")
@Description("A batch of tensor operations, from the taken submission to its completion")
@Category("Tensorbridge")
@StackTrace(false)
final class BatchEvent extends Event {
  private static final BatchEvent SWITCH = new BatchEvent();

  @Label("Client")
  @Description("The client's number at this server, from 1")
  long client;

  @Label("Batch")
  @Description("The id that the client gave it")
  long batch;

  @Label("Operation")
  String operation = "";

  @Label("Items")
  int items;

  @Label("Failed items")
  int failedItems;

  @Label("Waiting items")
  @Description("Items that wait for outputs of a size that is known only now")
  int waitingItems;

  @Label("Input bytes")
  @DataAmount
  long inputBytes;

  @Label("Output bytes")
  @DataAmount
  long outputBytes;

  @Label("Queue time")
  @Description("From the taken submission to the begin of the first item")
  @Timespan(Timespan.NANOSECONDS)
  long queueNanos;

  @Label("Run time")
  @Description("From the bound batch to the end of its last item")
  @Timespan(Timespan.NANOSECONDS)
  long runNanos;

  @Label("On workers")
  @Description("False if the dispatcher ran it, since that was shorter than the way to a worker")
  boolean onWorkers;

  @Label("Outcome")
  @Description("OK, or why the submission was refused as a whole")
  String outcome = "";

  /** Whether a recording wants such events. */
  static boolean isWanted() {
    return SWITCH.isEnabled();
  }
}
