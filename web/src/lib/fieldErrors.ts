import { ApiError } from "~/api/client";

type FieldError = NonNullable<NonNullable<ApiError["problem"]>["errors"]>[number];

// "/amount/value" and "quota_change.amount.value" are both about the field "value" of "amount".
const camel = (name: string) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
function pathOf(error: FieldError): string {
  const path = error.parameter ?? (error.pointer ? error.pointer.slice(1).replaceAll("/", ".") : error.field);
  return path.split(".").map(camel).join(".");
}
const isAt = (path: string, field: string) => path === field || path.endsWith(`.${field}`);

const errorsOf = (error: unknown) => (error instanceof ApiError ? (error.problem?.errors ?? []) : []);

// What the server says about one field of a form, and about what lies in it.
export function errorAt(error: unknown, field: string): string | undefined {
  const found = errorsOf(error).filter((e) => {
    const path = pathOf(e);
    return isAt(path, field) || `.${path}`.includes(`.${field}.`) || `.${path}`.includes(`.${field}[`);
  });
  return found.length > 0 ? found.map((e) => e.detail).join("; ") : undefined;
}

// Whether all that the server says stands at one of these fields already.
export function allShown(error: unknown, fields: string[]): boolean {
  const errors = errorsOf(error);
  return errors.length > 0 && errors.every((e) => fields.some((field) => errorAt(only(error, e), field) !== undefined));
}

function only(error: unknown, one: FieldError): unknown {
  if (!(error instanceof ApiError) || !error.problem) return error;
  return new ApiError(error.status, { ...error.problem, errors: [one] });
}
