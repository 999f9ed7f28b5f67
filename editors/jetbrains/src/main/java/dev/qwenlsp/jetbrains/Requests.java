package dev.qwenlsp.jetbrains;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.eclipse.lsp4j.CodeAction;
import org.eclipse.lsp4j.CodeActionContext;
import org.eclipse.lsp4j.CodeActionParams;
import org.eclipse.lsp4j.Command;
import org.eclipse.lsp4j.Diagnostic;
import org.eclipse.lsp4j.ExecuteCommandParams;
import org.eclipse.lsp4j.Range;
import org.eclipse.lsp4j.ServerCapabilities;
import org.eclipse.lsp4j.TextDocumentIdentifier;
import org.eclipse.lsp4j.WorkspaceEdit;

/** The requests behind the actions, without any window: what is asked of the server, and what comes back. */
public final class Requests {
    public static final String ACTION = "qwenLsp.action", REVIEW = "qwenLsp.review", DISMISS = "qwenLsp.dismiss";
    private static final Gson GSON =
            new org.eclipse.lsp4j.jsonrpc.json.MessageJsonHandler(java.util.Map.of()).getGson();

    private static final AtomicInteger EDITS = new AtomicInteger();

    private Requests() {}

    /** Whether the server has a command; a command that an older server lacks is reported, not tried. */
    public static boolean offers(ServerCapabilities capabilities, String command) {
        var provider = capabilities.getExecuteCommandProvider();
        return provider != null && provider.getCommands().contains(command);
    }

    /** The record of the last suggestion in a document: `summary` and `remedy` are sentences. */
    public static CompletableFuture<JsonObject> explain(QwenServer server, String uri) {
        JsonObject document = new JsonObject(), params = new JsonObject();
        document.addProperty("uri", uri);
        params.add("textDocument", document);
        return then(server.explain(params), Requests::object);
    }

    /** Review the changes of the project, or one file when `uri` is given; the findings. */
    public static CompletableFuture<List<JsonObject>> review(QwenServer server, String uri) {
        JsonObject argument = new JsonObject();
        argument.addProperty("scope", uri == null ? "workspace" : "file");
        if (uri != null) {
            argument.addProperty("uri", uri);
        }
        return then(execute(server, REVIEW, argument), result -> {
            List<JsonObject> findings = new ArrayList<>();
            if (result.has("findings")) {
                result.getAsJsonArray("findings").forEach(finding -> findings.add(finding.getAsJsonObject()));
            }
            return findings;
        });
    }

    /** Dismiss a finding, its rule or its path, as `what` says. */
    public static CompletableFuture<JsonObject> dismiss(QwenServer server, JsonObject finding, String what) {
        JsonObject argument = new JsonObject();
        argument.add("uri", finding.get("uri"));
        argument.add(what, finding.get(what));
        return execute(server, DISMISS, argument);
    }

    /** The actions for a selection; what the IDE finds wrong there is what they can repair. */
    public static CompletableFuture<List<CodeAction>> actions(
            QwenServer server, String uri, Range range, List<Diagnostic> diagnostics) {
        var params = new CodeActionParams(new TextDocumentIdentifier(uri), range, new CodeActionContext(diagnostics));
        return then(server.getTextDocumentService().codeAction(params), all -> all == null ? List.of()
                : all.stream().filter(one -> one.isRight()).map(one -> one.getRight()).toList());
    }

    /** The action that does what the user says to some lines. */
    public static CodeAction edit(String uri, Range range, String instruction) {
        JsonObject argument = new JsonObject();
        argument.addProperty("id", "jetbrains-" + EDITS.incrementAndGet());
        argument.addProperty("kind", "edit");
        argument.addProperty("uri", uri);
        argument.add("range", GSON.toJsonTree(range));
        argument.addProperty("instruction", instruction);
        CodeAction action = new CodeAction(instruction);
        action.setCommand(new Command(instruction, ACTION, List.of(argument)));
        return action;
    }

    /** Let the model do an action; while it writes, `qwenLsp/stream` brings the text under `streamId`. */
    public static CompletableFuture<Outcome> perform(QwenServer server, CodeAction action) {
        if (action.getEdit() != null) {
            return CompletableFuture.completedFuture(new Outcome(action.getEdit(), "", ""));
        }
        if (action.getCommand() != null) {
            return then(execute(server, action.getCommand().getCommand(), argument(action.getCommand())), Requests::outcome);
        }
        return compose(server.getTextDocumentService().resolveCodeAction(action), resolved ->
                resolved.getEdit() == null && resolved.getCommand() == null
                        ? CompletableFuture.completedFuture(new Outcome(null, "", ""))
                        : perform(server, resolved));
    }

    /** The id under which an action's text is streamed; empty when it is not. */
    public static String streamId(CodeAction action) {
        return QwenState.text(asked(action), "id");
    }

    /** Whether an action only says something about the code. */
    public static boolean isExplanation(CodeAction action) {
        return "explain".equals(QwenState.text(asked(action), "kind"));
    }

    /** What the model is to be asked: it waits in the action's data, or in its command where no edit will come. */
    private static JsonObject asked(CodeAction action) {
        return action.getData() == null && action.getCommand() != null
                ? argument(action.getCommand()) : object(GSON.toJsonTree(action.getData()));
    }

    private static JsonObject argument(Command command) {
        var arguments = command.getArguments();
        return object(GSON.toJsonTree(arguments == null || arguments.isEmpty() ? null : arguments.get(0)));
    }

    private static Outcome outcome(JsonObject result) {
        WorkspaceEdit edit = result.has("edit") && result.get("edit").isJsonObject()
                ? GSON.fromJson(result.get("edit"), WorkspaceEdit.class) : null;
        return new Outcome(edit, QwenState.text(result, "markdown"), QwenState.text(result, "message"));
    }

    private static CompletableFuture<JsonObject> execute(QwenServer server, String command, JsonObject argument) {
        var params = new ExecuteCommandParams(command, List.of(argument));
        return then(server.getWorkspaceService().executeCommand(params), result -> object(GSON.toJsonTree(result)));
    }

    /** What is made of an answer. To cancel it is to cancel the request: with `thenApply` alone the model would go on. */
    static <T, R> CompletableFuture<R> then(CompletableFuture<T> request, Function<? super T, ? extends R> made) {
        return compose(request, answer -> CompletableFuture.completedFuture(made.apply(answer)));
    }

    private static <T, R> CompletableFuture<R> compose(
            CompletableFuture<T> request, Function<? super T, CompletableFuture<R>> next) {
        var under = new AtomicReference<CompletableFuture<?>>(request);
        CompletableFuture<R> result = request.thenCompose(answer -> {
            CompletableFuture<R> following = next.apply(answer);
            under.set(following);
            return following;
        });
        result.whenComplete((answer, error) -> {
            if (result.isCancelled()) {
                under.get().cancel(true);
            }
        });
        return result;
    }

    private static JsonObject object(JsonElement value) {
        return value != null && value.isJsonObject() ? value.getAsJsonObject() : new JsonObject();
    }

    /** What came of an action: an edit, an explanation, or a message. */
    public record Outcome(WorkspaceEdit edit, String markdown, String message) {}
}
