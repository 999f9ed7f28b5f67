package dev.qwenlsp.jetbrains;

import com.google.gson.JsonObject;
import com.intellij.openapi.project.Project;
import com.redhat.devtools.lsp4ij.ServerStatus;
import com.redhat.devtools.lsp4ij.client.LanguageClientImpl;
import org.eclipse.lsp4j.jsonrpc.services.JsonNotification;

/** What the server tells beyond the standard: its status, and the text of an action while it is written. */
public final class QwenClient extends LanguageClientImpl {
    private final QwenState state;

    public QwenClient(Project project) {
        super(project);
        state = project.getService(QwenState.class);
    }

    @JsonNotification("qwenLsp/status")
    public void status(JsonObject status) {
        state.setStatus(status);
    }

    @JsonNotification("qwenLsp/stream")
    public void stream(JsonObject streamed) {
        state.streamed(streamed.get("id").getAsString(), streamed);
    }

    /** A server that has ended, or that crashed, says nothing any more: what it said last no longer holds. */
    @Override
    public void handleServerStatusChanged(ServerStatus serverStatus) {
        if (serverStatus != ServerStatus.started) {
            state.setStatus(new JsonObject());
        }
    }

    @Override
    protected Object createSettings() {
        JsonObject settings = new JsonObject();
        settings.add("qwenLsp", QwenSettings.server());
        return settings;
    }
}
