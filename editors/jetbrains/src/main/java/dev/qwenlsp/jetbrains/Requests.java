package dev.qwenlsp.jetbrains;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.eclipse.lsp4j.CodeAction;
import org.eclipse.lsp4j.CodeActionContext;
import org.eclipse.lsp4j.CodeActionParams;
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
        return server.explain(params).thenApply(Requests::object);
    }

    /** Review the changes of the project, or one file when `uri` is given; the findings. */
    public static CompletableFuture<List<JsonObject>> review(QwenServer server, String uri) {
        JsonObject argument = new JsonObject();
        argument.addProperty("scope", uri == null ? "workspace" : "file");
        if (uri != null) {
            argument.addProperty("uri", uri);
        }
        return execute(server, REVIEW, argument).thenApply(result -> {
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

    /** The actions for a selection. */
    public static CompletableFuture<List<CodeAction>> actions(QwenServer server, String uri, Range range) {
        var params = new CodeActionParams(new TextDocumentIdentifier(uri), range, new CodeActionContext(List.of()));
        return server.getTextDocumentService().codeAction(params).thenApply(all -> all == null ? List.of()
                : all.stream().filter(one -> one.isRight()).map(one -> one.getRight()).toList());
    }

    /** Let the model do an action; while it writes, `qwenLsp/stream` brings the text under `streamId`. */
    public static CompletableFuture<Outcome> perform(QwenServer server, CodeAction action) {
        if (action.getEdit() != null) {
            return CompletableFuture.completedFuture(new Outcome(action.getEdit(), "", ""));
        }
        if (action.getCommand() != null) {
            var arguments = action.getCommand().getArguments();
            JsonElement first = GSON.toJsonTree(arguments == null || arguments.isEmpty() ? null : arguments.get(0));
            return execute(server, action.getCommand().getCommand(), object(first)).thenApply(Requests::outcome);
        }
        return server.getTextDocumentService().resolveCodeAction(action).thenCompose(resolved ->
                resolved.getEdit() == null && resolved.getCommand() == null
                        ? CompletableFuture.completedFuture(new Outcome(null, "", ""))
                        : perform(server, resolved));
    }

    /** The id under which an action's text is streamed; empty when it is not. */
    public static String streamId(CodeAction action) {
        return QwenState.text(object(GSON.toJsonTree(action.getData())), "id");
    }

    private static Outcome outcome(JsonObject result) {
        WorkspaceEdit edit = result.has("edit") && result.get("edit").isJsonObject()
                ? GSON.fromJson(result.get("edit"), WorkspaceEdit.class) : null;
        return new Outcome(edit, QwenState.text(result, "markdown"), QwenState.text(result, "message"));
    }

    private static CompletableFuture<JsonObject> execute(QwenServer server, String command, JsonObject argument) {
        var params = new ExecuteCommandParams(command, List.of(argument));
        return server.getWorkspaceService().executeCommand(params).thenApply(result -> object(GSON.toJsonTree(result)));
    }

    private static JsonObject object(JsonElement value) {
        return value != null && value.isJsonObject() ? value.getAsJsonObject() : new JsonObject();
    }

    /** What came of an action: an edit, an explanation, or a message. */
    public record Outcome(WorkspaceEdit edit, String markdown, String message) {}
}
