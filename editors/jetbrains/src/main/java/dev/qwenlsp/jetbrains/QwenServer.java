package dev.qwenlsp.jetbrains;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.concurrent.CompletableFuture;
import org.eclipse.lsp4j.jsonrpc.services.JsonRequest;
import org.eclipse.lsp4j.services.LanguageServer;

/** The server's own request beside the standard ones (docs/protocol.md). */
public interface QwenServer extends LanguageServer {
    @JsonRequest("qwenLsp/explain")
    CompletableFuture<JsonElement> explain(JsonObject params);
}
