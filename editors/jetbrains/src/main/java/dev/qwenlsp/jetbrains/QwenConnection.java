package dev.qwenlsp.jetbrains;

import com.google.gson.JsonObject;
import com.intellij.execution.configurations.GeneralCommandLine;
import com.intellij.ide.impl.TrustedProjects;
import com.intellij.openapi.project.Project;
import com.intellij.openapi.vfs.VirtualFile;
import com.redhat.devtools.lsp4ij.server.OSProcessStreamConnectionProvider;
import java.util.ArrayList;
import java.util.List;

/** The server's process, and its start options. */
final class QwenConnection extends OSProcessStreamConnectionProvider {
    QwenConnection(Project project) {
        super(new GeneralCommandLine(command(project).toArray(new String[0])));
    }

    private static List<String> command(Project project) {
        List<String> command = new ArrayList<>(List.of(ServerProgram.find().orElse("qwen-lsp"), "serve"));
        if (isTrusted(project)) {
            command.add("--trust-folders");
        }
        return command;
    }

    /** Whether the user has said so when the IDE asked; an IDE that cannot be asked vouches for nothing. */
    private static boolean isTrusted(Project project) {
        try {
            return TrustedProjects.isTrusted(project);
        } catch (LinkageError moved) { // the member is experimental in the platform
            return false;
        }
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
