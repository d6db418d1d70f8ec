import classes from "./FieldFaults.module.css";

// All that is wrong with one field, for its `error`; undefined where nothing is.
export const fieldFaults = (faults: string[] | undefined) =>
  faults?.map((fault) => (
    <span key={fault} className={classes.fault}>
      {fault}
    </span>
  ));
