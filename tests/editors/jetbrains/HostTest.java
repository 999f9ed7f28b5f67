package dev.qwenlsp.jetbrains;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.intellij.codeInsight.daemon.impl.HighlightInfo;
import com.intellij.lang.annotation.HighlightSeverity;
import com.intellij.openapi.editor.Document;
import com.intellij.openapi.editor.impl.DocumentMarkupModel;
import com.intellij.openapi.editor.markup.RangeHighlighter;
import com.intellij.openapi.project.Project;
import com.redhat.devtools.lsp4ij.LanguageServerFactory;
import com.redhat.devtools.lsp4ij.ServerStatus;
import com.redhat.devtools.lsp4ij.server.OSProcessStreamConnectionProvider;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.eclipse.lsp4j.ClientCapabilities;
import org.eclipse.lsp4j.CodeAction;
import org.eclipse.lsp4j.DidOpenTextDocumentParams;
import org.eclipse.lsp4j.InitializeParams;
import org.eclipse.lsp4j.InitializedParams;
import org.eclipse.lsp4j.Position;
import org.eclipse.lsp4j.Range;
import org.eclipse.lsp4j.ServerCapabilities;
import org.eclipse.lsp4j.TextDocumentItem;
import org.eclipse.lsp4j.WorkspaceFolder;
import org.eclipse.lsp4j.jsonrpc.Launcher;
import org.eclipse.lsp4j.jsonrpc.services.JsonRequest;

/**
 * What an IDE does with the plugin, without an IDE: makes the factory that plugin.xml names, starts the server that the
 * plugin finds, and speaks to it as LSP4IJ does. Prints one line for each thing that a person would see.
 */
public final class HostTest {
    private static final long DEADLINE_S = 40;

    /** The plugin's server interface, and a request that LSP4IJ's newer lsp4j has. */
    public interface Host extends QwenServer {
        @JsonRequest("textDocument/inlineCompletion")
        CompletableFuture<JsonObject> inlineCompletion(JsonObject params);
    }

    private HostTest() {}

    /** Arguments: the project's folder, a file in it, the factory's class, the server's settings, LSP4IJ's capabilities. */
    public static void main(String[] arguments) {
        try {
            run(arguments);
            System.exit(0);
        } catch (Throwable problem) { // other threads would keep the host alive
            problem.printStackTrace();
            System.exit(1);
        }
    }

    private static void run(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[0]), file = Path.of(arguments[1]);
        QwenSettings.setServerText(arguments[3]);
        Project project = project();
        var factory = (LanguageServerFactory) Class.forName(arguments[2]).getConstructor().newInstance();
        var connection = (OSProcessStreamConnectionProvider) factory.createConnectionProvider(project);
        connection.start();
        var client = factory.createLanguageClient(project);
        var launcher = new Launcher.Builder<Host>().setLocalService(client)
                .setRemoteInterface(Host.class).setInput(connection.getInputStream())
                .setOutput(connection.getOutputStream()).create();
        launcher.startListening();
        Host server = launcher.getRemoteProxy();
        if (!factory.getServerInterface().isInstance(server)) {
            throw new AssertionError("the server interface is another one");
        }
        ServerCapabilities offered = initialize(server, folder, connection.getInitializationOptions(null), arguments[4]);
        String uri = file.toUri().toString(), text = Files.readString(file);
        server.getTextDocumentService().didOpen(
                new DidOpenTextDocumentParams(new TextDocumentItem(uri, "python", 1, text)));
        ghostText(server, uri, text);
        say("explain", QwenState.text(wait(Requests.explain(server, uri)), "summary"));
        act(server, project, offered, uri);
        edit(server, project, uri);
        cancel(server, project, uri);
        repair(server, project, uri, text);
        show(project);
        review(server, offered);
        say("status", QwenState.text(project.getService(QwenState.class).status(), "state"));
        say("pip is offline", ServerProgram.reasonIn("WARNING: [Errno -3] Temporary failure in name resolution"));
        say("pip knows no package", String.valueOf(ServerProgram.reasonIn("ERROR: No matching distribution found for pygls")));
        QwenSettings.snooze(1);
        say("snoozed", String.valueOf(QwenSettings.isPaused() && !QwenSettings.server().getAsJsonObject("completion").get("enabled").getAsBoolean()));
        QwenSettings.setPaused(false);
        say("resumed", String.valueOf(!QwenSettings.isPaused()));
        client.handleServerStatusChanged(ServerStatus.stopping);
        say("widget", new QwenStatusWidget(project).getText());
        wait(server.shutdown());
        server.exit();
        while (connection.isAlive()) {
            Thread.sleep(20);
        }
        say("shutdown", "clean");
    }

    private static ServerCapabilities initialize(Host server, Path folder, Object options, String capabilities)
            throws Exception {
        InitializeParams params = new InitializeParams();
        params.setInitializationOptions(options);
        params.setWorkspaceFolders(List.of(new WorkspaceFolder(folder.toUri().toString(), "project")));
        params.setCapabilities(new com.google.gson.Gson().fromJson(capabilities, ClientCapabilities.class));
        var result = wait(server.initialize(params));
        server.initialized(new InitializedParams());
        say("initialize", result.getServerInfo().getName());
        return result.getCapabilities();
    }

    private static void ghostText(Host server, String uri, String text) throws Exception {
        String[] before = text.substring(0, text.indexOf("# here")).split("\n", -1);
        JsonObject params = JsonParser.parseString("""
                {"textDocument": {"uri": "%s"}, "position": {"line": %d, "character": %d}, "context": {"triggerKind": 2}}
                """.formatted(uri, before.length - 1, before[before.length - 1].length())).getAsJsonObject();
        JsonArray items = wait(server.inlineCompletion(params)).getAsJsonArray("items");
        say("ghost", items.isEmpty() ? "" : items.get(0).getAsJsonObject().get("insertText").getAsString());
    }

    private static void act(Host server, Project project, ServerCapabilities offered, String uri)
            throws Exception {
        if (offered.getCodeActionProvider() == null) {
            say("act", "not offered");
            return;
        }
        List<CodeAction> actions = wait(Requests.actions(server, uri, new Range(new Position(0, 4), new Position(0, 7)), List.of()));
        say("actions", String.valueOf(actions.size()));
        CodeAction action = actions.stream().filter(one -> one.getKind() != null && one.getData() != null)
                .filter(one -> one.getData().toString().contains("docstring")).findFirst().orElseThrow();
        AtomicInteger streamed = new AtomicInteger();
        project.getService(QwenState.class).follow(Requests.streamId(action), part -> streamed.incrementAndGet());
        Requests.Outcome outcome = wait(Requests.perform(server, action));
        say("act", outcome.edit() != null ? "edit" : outcome.markdown() + outcome.message());
        say("streamed", streamed.get() > 0 ? "yes" : "no");
    }

    /** The user's own words go to the model, and the answer is an edit of the lines. */
    private static void edit(Host server, Project project, String uri) throws Exception {
        CodeAction action = Requests.edit(uri, new Range(new Position(0, 0), new Position(1, 10)), "add the numbers");
        AtomicInteger streamed = new AtomicInteger();
        project.getService(QwenState.class).follow(Requests.streamId(action), part -> streamed.incrementAndGet());
        Requests.Outcome outcome = wait(Requests.perform(server, action));
        say("edit by instruction", outcome.edit() != null && streamed.get() > 0 ? "edit" : outcome.message());
    }

    /** Closing a preview ends the request, not only the wait for it. */
    private static void cancel(Host server, Project project, String uri) throws Exception {
        CodeAction action = Requests.edit(uri, new Range(new Position(0, 0), new Position(1, 10)), "never ends");
        var begun = new CompletableFuture<Void>();
        var ended = new CompletableFuture<String>();
        project.getService(QwenState.class).follow(Requests.streamId(action), part -> {
            begun.complete(null);
            if (part.get("done").getAsBoolean()) {
                ended.complete(QwenState.text(part, "text"));
            }
        });
        var request = Requests.perform(server, action);
        wait(begun);
        request.cancel(true);
        say("cancelled", wait(ended).isEmpty() ? "the server has stopped" : "the server went on");
    }

    /** What the IDE has marked is offered to be repaired. */
    private static void repair(Host server, Project project, String uri, String text) throws Exception {
        Document document = (Document) Proxy.newProxyInstance(HostTest.class.getClassLoader(), new Class<?>[] {Document.class},
                (self, method, values) -> method.getName().equals("getText") ? text : null);
        int start = text.indexOf("add"), end = start + 3;
        DocumentMarkupModel.MODELS.put(document, () -> new RangeHighlighter[] {
            marked(start, end, "`add` is not typed", HighlightSeverity.WARNING),
            marked(start, end, "a name", HighlightSeverity.INFORMATION),
            marked(end + 5, end + 6, "elsewhere", HighlightSeverity.ERROR)});
        var problems = Problems.in(project, document, start, end);
        say("problems", String.join(", ", problems.stream().map(one -> one.getMessage().toString()).toList()));
        var actions = wait(Requests.actions(server, uri, new Range(new Position(0, 4), new Position(0, 7)), problems));
        say("repairs", String.valueOf(actions.stream().anyMatch(one -> "quickfix".equals(one.getKind()))));
    }

    private interface Marked extends RangeHighlighter, Supplier<HighlightInfo> {}

    private static RangeHighlighter marked(int start, int end, String what, HighlightSeverity severity) {
        HighlightInfo info = new HighlightInfo() {
            @Override
            public String getDescription() {
                return what;
            }

            @Override
            public HighlightSeverity getSeverity() {
                return severity;
            }
        };
        return new Marked() {
            @Override
            public int getStartOffset() {
                return start;
            }

            @Override
            public int getEndOffset() {
                return end;
            }

            @Override
            public HighlightInfo get() {
                return info;
            }
        };
    }

    /** What a model says is shown as it is: neither as HTML, nor as a change. */
    private static void show(Project project) throws Exception {
        Notices.info(project, "a List<String>\nof names");
        Explanation.show(project, new Requests.Outcome(null, "", "nothing to say"));
        var finished = new CompletableFuture<String>();
        var worker = new Thread(() -> {
            try {
                ServerProgram.run(line -> {
                    throw new IllegalStateException("cancelled at " + line);
                }, "sh", "-c", "echo $$; exec sleep 600");
            } catch (Exception problem) {
                finished.complete(problem.getMessage());
            }
        });
        worker.start();
        long pid = Long.parseLong(wait(finished).replaceAll("\\D", ""));
        while (ProcessHandle.of(pid).map(ProcessHandle::isAlive).orElse(false)) {
            Thread.sleep(20);
        }
        say("installation", "ended with its cancellation");
    }

    private static void review(Host server, ServerCapabilities offered) throws Exception {
        if (!Requests.offers(offered, Requests.REVIEW)) {
            say("review", "not offered");
            return;
        }
        for (JsonObject finding : wait(Requests.review(server, null))) {
            say("finding", QwenState.text(finding, "rule") + " in " + QwenState.text(finding, "path"));
        }
        say("review", "done");
    }

    private static Project project() {
        QwenState[] state = new QwenState[1];
        Project project = (Project) Proxy.newProxyInstance(HostTest.class.getClassLoader(), new Class<?>[] {Project.class},
                (self, method, values) -> method.getName().equals("getService") ? state[0] : null);
        state[0] = new QwenState(project);
        return project;
    }

    private static <T> T wait(CompletableFuture<T> future) throws Exception {
        return future.get(DEADLINE_S, TimeUnit.SECONDS);
    }

    private static void say(String what, String value) {
        System.out.println(what + ": " + value.replace("\n", "\\n"));
    }
}
