const because = (reason: string, ...ids: ReadonlyArray<string>) =>
  ids.map((id): readonly [string, string] => [id, reason])

/** Cases whose expectation is a choice of the engine they come from, and why ours is another. */
export const policies: ReadonlyMap<string, string> = new Map([
  ["glm-vllm-026", "drops an argument whose key has no closing tag; GLM's own repairs, which we pass, keep it"],
  ["qwen-coder-sglang-100", "makes a call that was cut off within an argument; ours is incomplete"],
  ['coercion "yes" boolean', "takes any other word for false; ours stays text, of which the model is told"],
  ...because(
    "makes a call that was cut off before its arguments; ours is incomplete",
    "other-llama.cpp-004",
    "other-llama.cpp-015"
  ),
  ["other-llama.cpp-079", "knows that the prompt ended with the marker of a call"],
  ["other-sglang-207", "refuses a call that the text before it names otherwise"],
  ["other-sglang-227", "refuses a call without arguments; ours has none"],
  ...because(
    "refuses a call of which one parameter has no name, comes twice or is unknown; the tool's schema says so of ours",
    ..."other-sglang-280 other-sglang-281 other-sglang-282".split(" ")
  )
])

/** The same for the text beside the calls. */
export const contentPolicies: ReadonlyMap<string, string> = new Map([
  ...because(
    "shows a call that could not be read as text; ours is a problem that the model is told of",
    ..."hermes-vllm-039 hermes-sglang-056 granite-vllm-023 granite-vllm-024 granite-vllm-037 granite-vllm-038".split(
      " "
    ),
    ..."minimax-sglang-089 gemma-vllm-039 other-vllm-184 other-sglang-226 other-sglang-279".split(" "),
    ..."other-sglang-280 other-sglang-281 other-sglang-282".split(" ")
  ),
  ...because(
    "shows the opening marker of the call that it streams",
    ..."granite-vllm-031 granite-vllm-033 granite-vllm-035 granite-vllm-041".split(" ")
  ),
  ...because(
    "leaves the reasoning in the text",
    ..."qwen-coder-vllm-086 deepseek-ollama-157 deepseek-ollama-158 minimax-vllm-056 minimax-vllm-060".split(" "),
    "other-vllm-193"
  ),
  ["other-llama.cpp-097", "knows that the prompt ended within a header"],
  ["other-sglang-198", "drops tokens of Inkling that announce neither calls nor reasoning"],
  ["other-sglang-263", "drops the beginning of a marker with which a text ends"],
  ...because("drops the text after the first call", "glm-vllm-028", "gemma-sglang-051"),
  ...because("shows a lone closing marker", "qwen-coder-ollama-113", "kimi-vllm-034", "kimi-sglang-049"),
  ...because("drops a lone marker within the text, which another case of its engine keeps", "kimi-sglang-065"),
  ...because(
    "knows that the prompt had left the thinking block already, of which the case says the opposite",
    ..."hermes-ollama-150 pythonic-ollama-116 pythonic-ollama-139 pythonic-ollama-150".split(" ")
  ),
  ...because("takes the fence off an answer that had to be JSON; we ask for none", "llama-llama.cpp-001")
])
