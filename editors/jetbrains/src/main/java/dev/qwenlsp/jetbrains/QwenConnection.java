package dev.qwenlsp.jetbrains;

import com.google.gson.JsonObject;
import com.intellij.execution.configurations.GeneralCommandLine;
import com.intellij.openapi.vfs.VirtualFile;
import com.redhat.devtools.lsp4ij.server.OSProcessStreamConnectionProvider;

/** The server's process, and its start options. */
final class QwenConnection extends OSProcessStreamConnectionProvider {
    QwenConnection() {
        super(new GeneralCommandLine(ServerProgram.find().orElse("qwen-lsp"), "serve"));
    }

    @Override
    public Object getInitializationOptions(VirtualFile rootUri) {
        JsonObject options = QwenSettings.server();
        JsonObject client = new JsonObject();
        for (String ability : new String[] {"status", "explain", "streamActions", "applyActions", "renderMarkdown"}) {
            client.addProperty(ability, true);
        }
        options.add("client", client);
        return options;
    }
}
