import { type RefObject, useEffect, useRef, useState } from "react";

import { ApiError } from "~/api/client";
import { type Faults, faultsOf, without } from "~/lib/stackForm";

interface FormFaults {
  form: RefObject<HTMLFormElement | null>;
  faults: Faults;
  // Shows what is wrong and goes to the first of it. Answers whether there is anything.
  show: (faults: Faults) => boolean;
  // Shows what a server refused, as far as fields can; answers whether that tells it all.
  refused: (error: unknown) => boolean;
  edited: (field: string) => void;
}

// What is wrong with a form, shown at its fields.
export function useFaults(): FormFaults {
  const form = useRef<HTMLFormElement>(null);
  const [faults, setFaults] = useState<Faults>({});
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    if (attempt > 0) form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [attempt]);
  const show = (next: Faults) => {
    setFaults(next);
    const any = Object.keys(next).length > 0;
    if (any) setAttempt((n) => n + 1);
    return any;
  };
  return {
    form,
    faults,
    show,
    refused(error) {
      if (!(error instanceof ApiError)) return false;
      const { faults: found, all } = faultsOf(error.problem);
      return show(found) && all;
    },
    edited: (field) => setFaults((old) => without(old, field)),
  };
}
