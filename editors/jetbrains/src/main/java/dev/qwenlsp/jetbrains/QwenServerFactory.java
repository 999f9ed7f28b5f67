package dev.qwenlsp.jetbrains;

import com.intellij.openapi.project.Project;
import com.redhat.devtools.lsp4ij.LanguageServerFactory;
import com.redhat.devtools.lsp4ij.client.LanguageClientImpl;
import com.redhat.devtools.lsp4ij.installation.ServerInstaller;
import com.redhat.devtools.lsp4ij.server.StreamConnectionProvider;
import org.eclipse.lsp4j.services.LanguageServer;
import org.jetbrains.annotations.NotNull;

/** What LSP4IJ needs to run the server; ghost text, diagnostics and the light bulb are then LSP4IJ's. */
public final class QwenServerFactory implements LanguageServerFactory {
    /** The id in plugin.xml. */
    static final String SERVER_ID = "qwenLsp";

    @Override
    public @NotNull StreamConnectionProvider createConnectionProvider(@NotNull Project project) {
        return new QwenConnection(project);
    }

    @Override
    public @NotNull LanguageClientImpl createLanguageClient(@NotNull Project project) {
        return new QwenClient(project);
    }

    @Override
    public @NotNull Class<? extends LanguageServer> getServerInterface() {
        return QwenServer.class;
    }

    @Override
    public @NotNull ServerInstaller createServerInstaller() {
        return new QwenInstaller();
    }
}
