package io.tensorbridge.cli;

import io.tensorbridge.BridgeException;
import io.tensorbridge.OptionException;
import picocli.CommandLine;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.ParseResult;

/** Turns a failed command into one sentence and an exit code. */
final class FailureReport implements IExecutionExceptionHandler {
  @Override
  public int handleExecutionException(
      Exception failure, CommandLine commandLine, ParseResult parsed) throws Exception {
    if (!(failure instanceof BridgeException known)) {
      throw failure; // a defect: picocli prints the stack
    }
    commandLine.getErr().println("tensorbridge: " + known.getMessage());
    return known instanceof OptionException ? ExitCode.USAGE : ExitCode.SOFTWARE;
  }
}
