import com.sun.jdi.AbsentInformationException;
import com.sun.jdi.Bootstrap;
import com.sun.jdi.Method;
import com.sun.jdi.ReferenceType;
import com.sun.jdi.VMDisconnectedException;
import com.sun.jdi.VirtualMachine;
import com.sun.jdi.connect.AttachingConnector;
import com.sun.jdi.connect.Connector;
import com.sun.jdi.connect.IllegalConnectorArgumentsException;
import com.sun.jdi.event.BreakpointEvent;
import com.sun.jdi.event.Event;
import com.sun.jdi.event.EventSet;
import com.sun.jdi.event.MethodExitEvent;
import com.sun.jdi.event.VMDeathEvent;
import com.sun.jdi.event.VMDisconnectEvent;
import com.sun.jdi.request.EventRequest;
import com.sun.jdi.request.MethodExitRequest;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/**
 * Stops a server at named steps, as a debugger does, so that a test can kill somebody meanwhile.
 *
 * <pre>
 *   java --add-modules jdk.jdi StepDebugger.java
 * </pre>
 *
 * <p>Obeys lines on standard input, and answers each with a line:
 *
 * <table>
 *   <caption>Commands</caption>
 *   <tr><td>{@code attach PORT}</td><td>{@code attached}</td></tr>
 *   <tr><td>{@code arm CLASS.METHOD[:exit] TIMES}</td><td>{@code armed}, or {@code missing} and why;
 *       later {@code hit}, and all threads of the server stand until {@code resume}</td></tr>
 *   <tr><td>{@code resume}</td><td>{@code resumed}; nothing is armed any more</td></tr>
 *   <tr><td>{@code quit}</td><td>ends</td></tr>
 * </table>
 *
 * <p>{@code ended} tells that the server has gone. A class is named within the package of the batch
 * server, or in full; a step without {@code :exit} is the entry of a method, of all that have the
 * name.
 */
final class StepDebugger {
  private static final String PACKAGE = "io.tensorbridge.batch.";
  private static final String HOST = "127.0.0.1";

  private VirtualMachine server;
  private String exitOf = "";
  private int left;

  private StepDebugger() {}

  public static void main(String[] arguments) throws Exception {
    StepDebugger debugger = new StepDebugger();
    BufferedReader commands =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = commands.readLine(); line != null; line = commands.readLine()) {
      String[] words = line.split(" ");
      try {
        switch (words[0]) {
          case "attach" -> debugger.attach(words[1]);
          case "arm" -> debugger.arm(words[1], Integer.parseInt(words[2]));
          case "resume" -> debugger.resume();
          case "quit" -> {
            return;
          }
          default -> say("unknown command " + line);
        }
      } catch (VMDisconnectedException gone) {
        say("gone");
      }
    }
  }

  private static synchronized void say(String line) {
    System.out.println(line);
    System.out.flush();
  }

  private void attach(String port) throws IOException, IllegalConnectorArgumentsException {
    AttachingConnector connector =
        Bootstrap.virtualMachineManager().attachingConnectors().stream()
            .filter(candidate -> candidate.transport().name().equals("dt_socket"))
            .findFirst()
            .orElseThrow();
    Map<String, Connector.Argument> where = connector.defaultArguments();
    where.get("hostname").setValue(HOST);
    where.get("port").setValue(port);
    VirtualMachine attached = connector.attach(where);
    server = attached;
    Thread.ofPlatform().daemon().start(() -> watch(attached));
    say("attached");
  }

  private synchronized void arm(String step, int times) throws AbsentInformationException {
    int exit = step.indexOf(":exit");
    String method = exit < 0 ? step : step.substring(0, exit);
    int dot = method.lastIndexOf('.');
    String owner = method.substring(0, dot);
    String name = method.substring(dot + 1);
    String full = owner.indexOf('.') < 0 ? PACKAGE + owner : owner;
    List<ReferenceType> types = server.classesByName(full);
    if (types.isEmpty()) {
      say("missing class " + full + ", or it is not loaded yet");
      return;
    }
    List<Method> methods = types.getFirst().methodsByName(name);
    if (methods.isEmpty()) {
      say("missing method " + name + " of " + full);
      return;
    }
    left = times;
    if (exit >= 0) {
      exitOf = name;
      MethodExitRequest request = server.eventRequestManager().createMethodExitRequest();
      request.addClassFilter(types.getFirst());
      enable(request);
    } else {
      for (Method found : methods) {
        if (found.location() != null) {
          enable(server.eventRequestManager().createBreakpointRequest(found.location()));
        }
      }
    }
    say("armed");
  }

  private static void enable(EventRequest request) {
    request.setSuspendPolicy(EventRequest.SUSPEND_ALL);
    request.enable();
  }

  private synchronized void resume() {
    clear();
    server.resume();
    say("resumed");
  }

  private void clear() {
    left = 0;
    exitOf = "";
    server.eventRequestManager().deleteAllBreakpoints();
    server.eventRequestManager()
        .deleteEventRequests(List.copyOf(server.eventRequestManager().methodExitRequests()));
  }

  private void watch(VirtualMachine watched) {
    try {
      while (true) {
        EventSet events = watched.eventQueue().remove();
        boolean stays = false;
        for (Event event : events) {
          switch (event) {
            case BreakpointEvent _ -> stays |= isIt();
            case MethodExitEvent exit -> stays |= exit.method().name().equals(exitOf) && isIt();
            case VMDeathEvent _ -> {}
            case VMDisconnectEvent _ -> throw new VMDisconnectedException();
            default -> {}
          }
        }
        if (stays) {
          say("hit");
        } else {
          events.resume();
        }
      }
    } catch (VMDisconnectedException ended) {
      say("ended");
    } catch (InterruptedException never) {
      throw new AssertionError(never);
    }
  }

  /** Whether an event is the one that was waited for; it is so once. */
  private synchronized boolean isIt() {
    return left > 0 && --left == 0;
  }
}
