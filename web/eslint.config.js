import hooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["dist", "src/api/schema.gen.ts"] },
  ...tseslint.configs.strict,
  hooks.configs.flat.recommended,
  {
    rules: {
      // Texts of others are never taken as HTML.
      "no-restricted-syntax": [
        "error",
        { selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']", message: "Texts are shown as texts." },
      ],
      "no-restricted-globals": [
        "error",
        { name: "sessionStorage", message: "Nothing of a session lies where scripts can read it." },
      ],
    },
  },
);
