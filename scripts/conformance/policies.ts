/** Cases whose expectation is a choice of the engine they come from, and why ours is another. */
export const policies: ReadonlyMap<string, string> = new Map([
  ["glm-vllm-026", "drops an argument whose key has no closing tag; GLM's own repairs, which we pass, keep it"],
  ["qwen-coder-vllm-078", "reads the text null of an undeclared parameter as an empty string; ours stays the text"],
  ["qwen-coder-vllm-082", "makes a call of which only the name had come; ours is incomplete"],
  ["qwen-coder-sglang-100", "makes a call that was cut off within an argument; ours is incomplete"],
  ["qwen-coder-ollama-161", "guesses the type of a parameter that the tool does not declare; ours stays text"],
  ["kimi-vllm-032", "hands on arguments that lack their last brace; ours are repaired"],
  ["kimi-sglang-084", "guesses the tool of a call without a name from its arguments"],
  ["llama-ollama-040", "reads no call after an object that is none"],
  ['coercion "yes" boolean', "takes any other word for false; ours stays text, of which the model is told"]
])
